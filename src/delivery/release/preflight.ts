import type { Service } from '@aws-sdk/client-ecs';
import { readParameters } from '../../aws/parameters.ts';
import { unchecked } from './unchecked.ts';
import {
  containerMemoryFindings,
  logGroupFindings,
  portFindings,
  roleFindings,
  sizeFindings,
} from '../../ecs/preflight.ts';
import type { TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import type { PreflightFinding } from '../../ecs/preflight.ts';
import { trafficRuleFindings } from '../../ecs/traffic-rules.ts';
import type { ServiceContext } from './request.ts';
import { missingRoles, missingSecrets } from './identity-findings.ts';
import { imageFindings, type UnpinnedImages } from './images.ts';

/**
 * Checks for problems that would make the deployment fail, before anything is changed. A check without permission is a
 * warning: a missing read permission must not fail a deployment.
 */
export async function preflight(
  context: ServiceContext,
  service: Service,
  definition: TaskDefinition,
  unpinned: UnpinnedImages,
): Promise<PreflightFinding[]> {
  const checked = (
    what: string,
    permission: string,
    check: () => Promise<PreflightFinding[]>,
    level: 'warning' | 'note' = 'warning',
  ): Promise<PreflightFinding[]> =>
    check().catch((error: unknown) => {
      context.signal.throwIfAborted();
      return [unchecked(what, level, error, permission)];
    });
  const account = (service.serviceArn ?? '').split(':')[4] ?? '';
  const known = [
    ...sizeFindings(definition),
    ...containerMemoryFindings(definition),
    ...portFindings(service, definition),
    ...roleFindings(service, definition),
  ];
  const found = await Promise.all([
    imageFindings(context, definition, unpinned),
    checked('whether the log groups exist', 'logs:DescribeLogGroups', () =>
      logGroupFindings(context, definition),
    ),
    checked('whether the parameters exist', 'ssm:GetParameters', () =>
      parameterFindings(context, definition),
    ),
    checked(
      'whether the listener rules lead to healthy targets',
      'elasticloadbalancing:DescribeRules and DescribeTargetHealth',
      () => trafficRuleFindings(context, service),
    ),
    // The permissions for these two are optional.
    checked(
      'whether the roles exist',
      'iam:GetRole',
      () => missingRoles(context, account, definition),
      'note',
    ),
    checked(
      'whether the secrets exist',
      'secretsmanager:DescribeSecret',
      () => missingSecrets(context, definition),
      'note',
    ),
  ]);
  return [...known, ...found.flat()];
}

/** Findings for SSM parameters that containers reference and that do not exist. Their values are not read. */
async function parameterFindings(
  context: ServiceContext,
  { containerDefinitions }: TaskDefinition,
): Promise<PreflightFinding[]> {
  const names = new Map(
    containerDefinitions
      .flatMap(({ secrets = [] }) => secrets)
      .flatMap(({ name, valueFrom }) => {
        const parameter = parameterName(valueFrom, context.region);
        return parameter === undefined ? [] : [[parameter, name] as const];
      }),
  );
  const there = await readParameters(await context.ssm(), [...names.keys()], context);
  return [...names]
    .filter(([parameter]) => !there.has(parameter))
    .map(([parameter, variable]) => ({
      level: 'error',
      message: `The parameter ${parameter}, referenced by ${variable}, does not exist.`,
      fix: 'Create it, or correct valueFrom in the task definition.',
    }));
}

/** A parameter's name, or its ARN in this region; undefined for a Secrets Manager secret. */
function parameterName(valueFrom: string, region: string): string | undefined {
  if (!valueFrom.startsWith('arn:')) return valueFrom;
  const [, , service, where, , ...rest] = valueFrom.split(':');
  if (service !== 'ssm' || where !== region) return undefined;
  const path = rest.join(':').replace(/^parameter\//, '');
  return path.includes('/') ? `/${path}` : path;
}
