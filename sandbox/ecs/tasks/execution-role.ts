import { denialOf } from '../../iam/authorization.ts';
import { identityStore } from '../../iam/roles.ts';
import { textOf } from '../../protocols/service.ts';
import { isMissing } from '../../scenario/missing.ts';
import { parameterStore } from '../../ssm/parameter-store.ts';
import { partitionOf } from '../../world.ts';
import { repositoryOfImage } from '../lookup.ts';
import type { Container, ContainerDefinition, Task } from '../model.ts';
import { failedToStart, TaskStop } from './running-task.ts';

/**
 * What Fargate does with a task's execution role before the containers start. Failures are in AWS's words.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
 */

const PREPARING =
  'ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: ';
const RETRIED = 'service call has been retried 1 time(s): ';

interface Asked {
  action: string;
  resource: string;
  region: string;
}

/** Why the execution role may not do something, in IAM's words, or undefined if it may. */
function denialToRole(task: Task, { action, resource, region }: Asked): string | undefined {
  const { ecs, id, definition } = task;
  const roleArn = textOf(definition.given['executionRoleArn']);
  if (roleArn === undefined || !identityStore(ecs.world).hasPoliciesOf(roleArn)) return undefined;
  const arn = `arn:${partitionOf(ecs.region).id}:sts::${ecs.account}:assumed-role/${roleArn.replace(/^.*\//, '')}/${id}`;
  const principal = { arn, account: ecs.account, session: { roleArn, policies: [], context: {} } };
  return denialOf(ecs.world, principal, region, [{ action, resource }]);
}

/**
 * Reads the secrets of all containers. Throws TaskStop.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html (a JSON key, a
 * stage and a version may follow the ARN)
 */
export function readSecrets(task: Task): void {
  const all = task.containers
    .flatMap(({ definition }) => (definition['secrets'] ?? []) as { valueFrom?: string }[])
    .flatMap(({ valueFrom }) => valueFrom ?? []);
  for (const valueFrom of all.filter(isSecret)) {
    const parts = valueFrom.split(':');
    if (!SECRET_PARTS.includes(parts.length)) throw unexpectedFormat();
    readSecret(task, parts.slice(0, 7).join(':'));
  }
  readParameters(
    task,
    all.filter((valueFrom) => !isSecret(valueFrom)),
  );
}

/** An ARN, or an ARN with a JSON key, a stage and a version, all of which can be empty. */
const SECRET_PARTS: readonly number[] = [7, 10];

/** @see https://github.com/aws/amazon-ecs-agent/pull/2358 for the parts and the message */
function unexpectedFormat(): TaskStop {
  return failedToStart(
    `${PREPARING}unable to retrieve secret from asm: ${RETRIED}unexpected ARN format with parameters when trying to retrieve ASM secret`,
  );
}

function isSecret(valueFrom: string): boolean {
  return valueFrom.split(':')[2] === 'secretsmanager';
}

function readSecret(task: Task, arn: string): void {
  const region = arn.split(':')[3] ?? task.ecs.region;
  const resource = fullArn(arn);
  const denied = denialToRole(task, { action: 'secretsmanager:GetSecretValue', resource, region });
  if (denied !== undefined) throw cannotReadSecret(arn, `AccessDeniedException: ${denied}`);
  if (!isMissing(task.ecs.world, arn)) return;
  const message = "ResourceNotFoundException: Secrets Manager can't find the specified secret.";
  throw cannotReadSecret(arn, message);
}

/**
 * The ARN in IAM's decision. A secret whose ARN lacks the random suffix is found by its name.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/permissions_grant-limited-resources.html "Using '??????'
 *  as a wildcard to match the 6 random characters assigned by Secrets Manager"
 */
function fullArn(arn: string): string {
  return /-[A-Za-z0-9]{6}$/.test(arn) ? arn : `${arn}-a1b2c3`;
}

/** @see https://repost.aws/knowledge-center/ecs-unable-to-pull-secrets */
function cannotReadSecret(arn: string, message: string): TaskStop {
  const failure = `failed to fetch secret ${arn} from secrets manager: ${message}`;
  return failedToStart(`${PREPARING}unable to retrieve secret from asm: ${RETRIED}${failure}`);
}

/**
 * The message of a denial, and of parameters that do not exist. The agent on EC2 instances reports "invalid
 * parameters", Fargate "invalid ssm parameters".
 *
 * @see https://github.com/aws/copilot-cli/issues/4504
 * @see https://github.com/aws/amazon-ecs-agent/blob/0d889be51811c05bf3c7bc482aed76e1384f5491/agent/ssm/ssm.go
 */
function readParameters(task: Task, valuesFrom: readonly string[]): void {
  const parameters = valuesFrom.map((valueFrom) => parameterOf(task, valueFrom));
  const failure = `${PREPARING}unable to retrieve secrets from ssm: ${RETRIED}`;
  for (const { arn, region } of parameters) {
    const denied = denialToRole(task, { action: 'ssm:GetParameters', resource: arn, region });
    if (denied !== undefined) throw failedToStart(`${failure}AccessDeniedException: ${denied}`);
  }
  const { world, account } = task.ecs;
  const invalid = parameters.filter(
    ({ name, region }) => parameterStore(world, account, region).get(name) === undefined,
  );
  if (invalid.length === 0) return;
  throw failedToStart(`${failure}invalid ssm parameters: ${invalid.map(({ name }) => name).join(',')}`);
}

interface Parameter {
  name: string;
  arn: string;
  region: string;
}

/** A parameter by its ARN, or by its name in the task's region. */
function parameterOf({ ecs }: Task, valueFrom: string): Parameter {
  const [, region, path] = /^arn:[^:]+:ssm:([^:]+):\d+:parameter\/(.+)$/.exec(valueFrom) ?? [];
  if (region !== undefined && path !== undefined) {
    return { name: path.includes('/') ? `/${path}` : path, arn: valueFrom, region };
  }
  const { account } = ecs;
  const arn = `arn:${partitionOf(ecs.region).id}:ssm:${ecs.region}:${account}:parameter/${valueFrom.replace(/^\//, '')}`;
  return { name: valueFrom, arn, region: ecs.region };
}

/** Logs in to ECR if it contains a container's image. Throws TaskStop. */
export function logInToRegistry(task: Task): void {
  const { world, region } = task.ecs;
  if (!task.containers.some(({ image }) => repositoryOfImage(world, image))) return;
  const denied = denialToRole(task, { action: 'ecr:GetAuthorizationToken', resource: '*', region });
  if (denied === undefined) return;
  throw failedToStart(
    `${PREPARING}unable to retrieve ecr registry auth: ${RETRIED}AccessDeniedException: ${denied}`,
  );
}

/**
 * Pulls a container's image from ECR. Throws TaskStop.
 *
 * @see https://github.com/aws/aws-cdk/issues/29876
 * @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-pull-iam.html
 */
export function pullFromRegistry(task: Task, { image, definition }: Container): void {
  const resource = repositoryOfImage(task.ecs.world, image)?.arn;
  if (resource === undefined) return;
  const region = resource.split(':')[3] ?? '';
  const denied = ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'].some(
    (action) => denialToRole(task, { action, resource, region }) !== undefined,
  );
  if (!denied) return;
  const [host = ''] = image.split('/');
  const version = /@(.+)$/.exec(image)?.[1] ?? /:([^:/]+)$/.exec(image)?.[1] ?? 'latest';
  const reason = `CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref ${image}: pulling from host ${host} failed with status code [manifests ${version}]: 403 Forbidden`;
  throw new TaskStop('TaskFailedToStart', reason, { [definition.name]: { reason } });
}

/**
 * Why the execution role may not create a container's log stream or write to it, or undefined if it may.
 *
 * @see https://github.com/aws-solutions/aws-crr-monitor/issues/8 for the resource
 */
export function logDenial(
  task: Task,
  action: 'logs:CreateLogStream' | 'logs:PutLogEvents',
  target: { group: string; stream: string; region: string },
): string | undefined {
  const { group, stream, region } = target;
  const { id: partition } = partitionOf(region);
  const resource = `arn:${partition}:logs:${region}:${task.ecs.account}:log-group:${group}:log-stream:${stream}`;
  return denialToRole(task, { action, resource, region });
}

/** AWS's message if a rule makes the secrets of a container unreadable. */
export function cannotReadSecretsOf({ id, definition, ecs }: Task, container: ContainerDefinition): TaskStop {
  const [secret] = (container['secrets'] ?? []) as { valueFrom?: string }[];
  const arn = secret?.valueFrom ?? `arn:aws:secretsmanager:${ecs.region}:${ecs.account}:secret:unknown`;
  const role = (textOf(definition.given['executionRoleArn']) ?? 'none').replace(/^.*\//, '');
  return cannotReadSecret(
    arn,
    `AccessDeniedException: User: arn:aws:sts::${ecs.account}:assumed-role/${role}/${id} is not authorized to perform: secretsmanager:GetSecretValue on resource: ${arn} because no identity-based policy allows the secretsmanager:GetSecretValue action`,
  );
}
