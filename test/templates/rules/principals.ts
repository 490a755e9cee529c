import { textOf } from '../../../scripts/templates/template.ts';
import type { Json } from '../../../scripts/templates/template.ts';
import { finding, nodes } from './platform.ts';
import type { Rule } from './platform.ts';

/** Principals in the services' guides. A regional one contains the region and the partition's suffix. */
const KNOWN = new Set([
  'backup.amazonaws.com',
  'budgets.amazonaws.com',
  'cloudformation.amazonaws.com',
  'cloudtrail.amazonaws.com',
  'cloudwatch.amazonaws.com',
  'codebuild.amazonaws.com',
  'costalerts.amazonaws.com',
  'delivery.logs.amazonaws.com',
  'ecs-tasks.amazonaws.com',
  'ecs.amazonaws.com',
  'events.amazonaws.com',
  'events.rds.amazonaws.com',
  'lambda.amazonaws.com',
  'logdelivery.elasticloadbalancing.amazonaws.com',
  'logging.s3.amazonaws.com',
  'monitoring.rds.amazonaws.com',
  'rds.amazonaws.com',
  'scheduler.amazonaws.com',
  'sns.amazonaws.com',
  'sqs.amazonaws.com',
  'vpc-flow-logs.amazonaws.com',
  'logs.${AWS::Region}.${AWS::URLSuffix}',
]);

/**
 * Every service principal exists. CloudFormation accepts any text, and the service is denied access without an error.
 */
export const principalsExist: Rule = (stacks) =>
  stacks.flatMap((stack) =>
    Object.entries(stack.resolved.resources).flatMap(([id, resource]) =>
      servicePrincipals(resource as unknown as Json)
        .filter((principal) => !KNOWN.has(principal))
        .map((principal) => finding('principals', stack, `${principal} is not a service principal`, id)),
    ),
  );

function servicePrincipals(value: Json): string[] {
  return [...nodes(value)].flatMap((node) => {
    if (Array.isArray(node)) return [];
    const principal = (node as Record<string, Json>).Principal;
    if (principal === null || typeof principal !== 'object' || Array.isArray(principal)) return [];
    return [principal.Service ?? []].flat().map((service) => {
      const sub = (service as Record<string, Json> | null)?.['Fn::Sub'];
      return typeof service === 'string' ? service : textOf(sub);
    });
  });
}
