import { GetRoleCommand, type IAMClient } from '@aws-sdk/client-iam';
import { DescribeSecretCommand } from '@aws-sdk/client-secrets-manager';
import { isNotFound } from '../../aws/errors.ts';
import { ReadOnce } from '../../aws/reads.ts';
import { send } from '../../aws/send.ts';
import type { PreflightFinding } from '../../ecs/preflight.ts';
import type { TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import type { ServiceContext } from './request.ts';

/**
 * Findings for a missing execution role or task role. Tasks with a missing role stop immediately: "ECS was unable to
 * assume the role". Only roles in the service's account are checked.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html
 */
export async function missingRoles(
  context: ServiceContext,
  account: string,
  definition: TaskDefinition,
): Promise<PreflightFinding[]> {
  const fields = ['executionRoleArn', 'taskRoleArn'] as const;
  const found = await Promise.all(
    fields.map(async (field): Promise<PreflightFinding[]> => {
      const role = definition[field] ?? '';
      const [, owner, name] = /^arn:[^:]+:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(role) ?? [];
      if (name === undefined || owner !== account) return [];
      if (await roleExists(context, name)) return [];
      return [
        {
          level: 'error',
          message: `The ${field} ${role} does not exist.`,
          fix: 'Create the role, with a trust policy for ecs-tasks.amazonaws.com, or correct its ARN.',
        },
      ];
    }),
  );
  return found.flat();
}

/** Many services share roles. */
const knownRoles = new ReadOnce<IAMClient, boolean>();

async function roleExists(context: ServiceContext, name: string): Promise<boolean> {
  const client = await context.iam();
  const command = new GetRoleCommand({ RoleName: name });
  return await knownRoles.get(
    client,
    name,
    context,
    async () => (await existing(() => send(client, command, context))) !== undefined,
  );
}

/**
 * Findings for Secrets Manager secrets that containers reference and that do not exist or are scheduled for deletion.
 * Their values are not read.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html
 */
export async function missingSecrets(
  context: ServiceContext,
  { containerDefinitions }: TaskDefinition,
): Promise<PreflightFinding[]> {
  const variables = new Map(
    containerDefinitions
      .flatMap(({ secrets = [] }) => secrets)
      .flatMap(({ name, valueFrom }) => {
        const secret = secretOf(valueFrom, context.region);
        return secret === undefined ? [] : [[secret, name] as const];
      }),
  );
  const found = await Promise.all(
    [...variables].map(async ([secret, variable]): Promise<PreflightFinding[]> => {
      const described = await existing(async () =>
        send(await context.secretsManager(), new DescribeSecretCommand({ SecretId: secret }), context),
      );
      if (described && !described.DeletedDate) return [];
      const problem = described ? 'is scheduled for deletion' : 'does not exist';
      return [
        {
          level: 'error',
          message: `The secret ${secret}, referenced by ${variable}, ${problem}.`,
          fix: described
            ? 'Restore it with RestoreSecret, or correct valueFrom in the task definition.'
            : 'Create it, or correct valueFrom in the task definition.',
        },
      ];
    }),
  );
  return found.flat();
}

/** The ARN of a secret in this region, without a JSON key, version stage and version ID. */
function secretOf(valueFrom: string, region: string): string | undefined {
  const parts = valueFrom.split(':');
  if (parts[2] !== 'secretsmanager' || parts[3] !== region) return undefined;
  return parts.slice(0, 7).join(':');
}

/** The result of a call; undefined if AWS reports that the resource does not exist. */
async function existing<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
