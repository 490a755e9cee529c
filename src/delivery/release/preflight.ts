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
 * What would make the deployment fail, found before anything is changed. A check that the role has no rights for is
 * a warning: a deployment must not fail because a permission to read is missing.
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
    checked('Whether the log groups exist', 'logs:DescribeLogGroups', () =>
      logGroupFindings(context, definition),
    ),
    checked('Whether the parameters exist', 'ssm:GetParameters', () =>
      parameterFindings(context, definition),
    ),
    checked(
      'Whether the listener rules lead to healthy targets',
      'elasticloadbalancing:DescribeRules and DescribeTargetHealth',
      () => trafficRuleFindings(context, service),
    ),
    // The rights for these two are optional.
    checked(
      'Whether the roles exist',
      'iam:GetRole',
      () => missingRoles(context, account, definition),
      'note',
    ),
    checked(
      'Whether the secrets exist',
      'secretsmanager:DescribeSecret',
      () => missingSecrets(context, definition),
      'note',
    ),
  ]);
  return [...known, ...found.flat()];
}

/** SSM parameters that containers take values from and that do not exist. Their values are not asked for. */
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
      message: `The parameter ${parameter}, which ${variable} takes its value from, does not exist.`,
      fix: 'Create it, or correct valueFrom in the task definition.',
    }));
}

/** A name, or the ARN of a parameter in this region; a secret of Secrets Manager is something else. */
function parameterName(valueFrom: string, region: string): string | undefined {
  if (!valueFrom.startsWith('arn:')) return valueFrom;
  const [, , service, where, , ...rest] = valueFrom.split(':');
  if (service !== 'ssm' || where !== region) return undefined;
  const path = rest.join(':').replace(/^parameter\//, '');
  return path.includes('/') ? `/${path}` : path;
}
