import type { LoggedCall } from '../../sandbox/server/calls.ts';
import { OPERATIONS } from '../../sandbox/registry/protocol.ts';

/** A statement of a policy, in JSON. */
export interface Statement {
  Effect: string;
  Action: readonly string[];
  Resource: string | readonly string[];
  Condition?: Record<string, Record<string, string | readonly string[]>>;
}

/** The statements of the policy in the log of `doctor`. */
export function policyIn(log: string): Statement[] {
  const [, json = '{}'] = /^::group::IAM policy [^\n]*\n([\s\S]*?)\n::endgroup::/m.exec(log) ?? [];
  return (JSON.parse(json) as { Statement: Statement[] }).Statement;
}

/** A permission that a call requires. */
interface PermissionCheck {
  action: string;
  resource: string;
  /** Condition keys. */
  context?: Record<string, string>;
}

type Input = Record<string, unknown>;
type Call = Pick<LoggedCall, 'service' | 'operation' | 'account' | 'region'> & { input: Input };

/** Calls that need no permission, or only the trust policy. */
const WITHOUT_PERMISSION = new Set(['sts', 'oidc', 'github']);

/**
 * Calls that require a different permission: "The IAM principal invoking this operation must have the ecr:BatchGetImage
 * permission."
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html
 */
export const ACTION_OVERRIDES: Readonly<Record<string, string>> = {
  'ecr:ListImageReferrers': 'ecr:BatchGetImage',
};

/** The calls that no statement allows, as `ecs:UpdateService on arn:…`. */
export function deniedCalls(
  statements: readonly Statement[],
  calls: readonly LoggedCall[],
  roles: readonly string[],
): string[] {
  const denied = calls
    .filter(({ service }) => !WITHOUT_PERMISSION.has(service))
    .flatMap((call) => permissionChecks(call as Call, roles))
    .filter((check) => !statements.some((statement) => applies(statement, check)))
    .map(({ action, resource }) => `${action} on ${resource}`);
  return [...new Set(denied)].sort();
}

/** @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html */
function permissionChecks(call: Call, roles: readonly string[]): PermissionCheck[] {
  const { service, operation, input } = call;
  if (service === 'registry') return registryChecks(call);
  const prefix = service === 'monitoring' ? 'cloudwatch' : service;
  const action = ACTION_OVERRIDES[`${prefix}:${operation}`] ?? `${prefix}:${operation}`;
  const on = (resources: readonly string[], context?: PermissionCheck['context']): PermissionCheck[] =>
    resources.map((resource) => ({ action, resource, ...(context && { context }) }));
  if (service === 'ssm')
    return on(
      named(input, 'Name', 'Names').map((name) => arnOf(call, `parameter/${name.replace(/^\//, '')}`)),
    );
  if (service === 'ecr')
    return on(
      either(
        named(input, 'repositoryName', 'repositoryNames').map((name) => arnOf(call, `repository/${name}`)),
      ),
    );
  if (service === 'iam') return on(roles.filter((role) => role.endsWith(`/${text(input['RoleName'])}`)));
  if (service === 'secretsmanager') return on(named(input, 'SecretId'));
  if (operation === 'GetLogEvents')
    return on([
      arnOf(call, `log-group:${text(input['logGroupName'])}:log-stream:${text(input['logStreamName'])}`),
    ]);
  return service === 'ecs' ? ecsChecks(call, on) : on(['*']);
}

function ecsChecks(
  call: Call,
  on: (resources: readonly string[], context?: PermissionCheck['context']) => PermissionCheck[],
): PermissionCheck[] {
  const { operation, input } = call;
  const cluster = text(input['cluster']).replace(/^.*\//, '');
  const inCluster = { 'ecs:cluster': arnOf(call, `cluster/${cluster}`) };
  const services = named(input, 'service', 'services').map((name) =>
    name.startsWith('arn:') ? name : arnOf(call, `service/${cluster}/${name}`),
  );
  switch (operation) {
    case 'DescribeServices':
    case 'UpdateService':
    case 'ListServiceDeployments':
      return on(services);
    case 'DescribeServiceDeployments':
    case 'DescribeServiceRevisions':
    case 'StopServiceDeployment':
    case 'ContinueServiceDeployment':
      return on(named(input, 'serviceDeploymentArn', 'serviceDeploymentArns', 'serviceRevisionArns'));
    case 'DescribeTasks':
    case 'StopTask':
      return on(
        named(input, 'task', 'tasks').map((task) =>
          task.startsWith('arn:') ? task : arnOf(call, `task/${cluster}/${task}`),
        ),
      );
    case 'ListTasks':
      return on(['*'], inCluster);
    case 'RunTask':
      return on(named(input, 'taskDefinition'), inCluster);
    case 'RegisterTaskDefinition':
      return [...on(['*']), ...registrationChecks(call)];
    default:
      return on(['*']);
  }
}

/** Registering a revision passes its roles to ECS and tags it. */
function registrationChecks(call: Call): PermissionCheck[] {
  const { input } = call;
  const passed = named(input, 'executionRoleArn', 'taskRoleArn').map((resource) => ({
    action: 'iam:PassRole',
    resource,
    context: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' },
  }));
  if (input['tags'] === undefined) return passed;
  const resource = arnOf(call, `task-definition/${text(input['family'])}`);
  const context = { 'ecs:CreateAction': 'RegisterTaskDefinition' };
  return [...passed, { action: 'ecs:TagResource', resource, context }];
}

/** The permission of each request of the registry protocol. A layer is then downloaded from a signed URL. */
function registryChecks(call: Call): PermissionCheck[] {
  if (call.operation === 'DownloadLayer' || call.operation === 'Ping') return [];
  const action = OPERATIONS[call.operation]?.action ?? `registry:${call.operation}`;
  return [{ action, resource: arnOf({ ...call, service: 'ecr' }, `repository/${text(call.input['name'])}`) }];
}

function arnOf({ service, region, account }: Call, resource: string): string {
  return `arn:aws:${service}:${region}:${account}:${resource}`;
}

function named(input: Input, ...fields: string[]): string[] {
  return fields.flatMap((field) => input[field] ?? []).map(text);
}

/** A call without a resource applies to all. */
function either(resources: string[]): string[] {
  return resources.length > 0 ? resources : ['*'];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function applies({ Effect, Action, Resource, Condition = {} }: Statement, check: PermissionCheck): boolean {
  const { action, resource, context = {} } = check;
  if (Effect !== 'Allow' || !Action.includes(action)) return false;
  if (![Resource].flat().some((pattern) => isLike(resource, pattern))) return false;
  return Object.values(Condition).every((keys) =>
    Object.entries(keys).every(([key, allowed]) => [allowed].flat().includes(context[key] ?? '')),
  );
}

function isLike(value: string, pattern: string): boolean {
  const source = pattern.replaceAll(/[.+^$()|[\]\\{}?]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${source}$`).test(value);
}
