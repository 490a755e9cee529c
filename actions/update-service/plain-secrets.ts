import { isSecretName } from '../../src/core/redaction.ts';
import { containersOf } from './containers.ts';
import type { ServiceInputs } from './request.ts';

/** ARNs that ECS accepts as `valueFrom`. */
const SECRET_ARN = /^arn:aws[\w-]*:(?:secretsmanager:[^:]*:\d{12}:secret:|ssm:[^:]*:\d{12}:parameter\/)/;

/**
 * Warnings about variables in `environment` that look like secrets. Values are not shown.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/userguide/taskdef-envfiles.html "Environment variables specified in the task
 *   definition are readable by all users and roles that are allowed the DescribeTaskDefinition action"
 */
export function plainSecretWarnings({ environment, containers }: ServiceInputs): string[] {
  const own = Object.entries(containersOf(containers)).map(([name, changes]) => ({
    input: `containers: ${name}.environment`,
    key: `containers: ${name}.secrets`,
    variables: changes.environment ?? {},
  }));
  return [{ input: 'environment', key: 'secrets', variables: environment }, ...own].flatMap(
    ({ input, key, variables }) =>
      Object.entries(variables).flatMap(([name, value]) => warningsFor(name, value, input, key)),
  );
}

function warningsFor(name: string, value: string, input: string, key: string): string[] {
  if (SECRET_ARN.test(value)) {
    return [
      `${input}: ${name} is set to the ARN of a secret, so the container gets the ARN instead of the secret's value.\nFix: Move ${name} to ${key} if the application expects the value.`,
    ];
  }
  if (value === '' || !isSecretName(name)) return [];
  return [
    `${input}: ${name} is visible in the task definition to everyone with ecs:DescribeTaskDefinition.\nFix: Store the value in Secrets Manager or SSM, and set its ARN in ${key}.`,
  ];
}
