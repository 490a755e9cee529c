import { findTaskDefinition } from '../../ecs/lookup.ts';
import { ecsOf, type Ecs } from '../../ecs/model.ts';
import { type Call, textOf } from '../../protocols/service.ts';
import type { Context } from '../policies/policy.ts';
import {
  type PermissionCheck,
  arnIn,
  onEach,
  passRole,
  type PermissionChecks,
  requestTags,
  resourceTags,
  tagsIn,
  textsOf,
} from './permission-check.ts';

/**
 * The permission checks of ECS. Actions without a resource type are checked with `*`: DeregisterTaskDefinition,
 * DescribeTaskDefinition, the lists.
 *
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
 */
export const ecsChecks: PermissionChecks = (world, call) => {
  const ecs = ecsOf(world, call.account, call.region);
  const action = `ecs:${call.operation}`;
  return [...mainChecks(ecs, call, action), ...tagChecks(ecs, call), ...passChecks(ecs, call)];
};

function mainChecks(ecs: Ecs, call: Call, action: string): PermissionCheck[] {
  const { operation, input } = call;
  const cluster = clusterOf(call);
  const inCluster = { 'ecs:cluster': arnIn(call, 'ecs', `cluster/${cluster}`) };
  const on = (arns: readonly string[], context: Context = inCluster): PermissionCheck[] =>
    arns.map((resource) => ({
      action,
      resource,
      context: { ...context, ...requestTags(tagsIn(input.tags)), ...tagsOf(ecs, resource) },
    }));
  switch (operation) {
    case 'CreateCluster':
      return on([arnIn(call, 'ecs', `cluster/${textOf(input.clusterName) ?? 'default'}`)], {});
    case 'DescribeClusters':
      return on(named(call, 'cluster/', textsOf(input.clusters), 'default'), {});
    case 'CreateService':
    case 'CreateExpressGatewayService':
      return on(named(call, `service/${cluster}/`, [textOf(input.serviceName) ?? '']));
    case 'UpdateService':
    case 'DeleteService':
    case 'ListServiceDeployments':
      return on(named(call, `service/${cluster}/`, [textOf(input.service) ?? '']));
    case 'DescribeServices':
      return on(named(call, `service/${cluster}/`, textsOf(input.services)));
    case 'DescribeServiceDeployments':
      return ofServices(on, textsOf(input.serviceDeploymentArns));
    case 'DescribeServiceRevisions':
      return ofServices(on, textsOf(input.serviceRevisionArns));
    case 'StopServiceDeployment':
    case 'ContinueServiceDeployment':
      return ofServices(on, [textOf(input.serviceDeploymentArn) ?? '']);
    case 'DescribeTasks':
      return on(named(call, `task/${cluster}/`, textsOf(input.tasks)));
    case 'StopTask':
      return on(named(call, `task/${cluster}/`, [textOf(input.task) ?? '']));
    case 'ListTasks':
      return on([arnIn(call, 'ecs', `container-instance/${cluster}/*`)]);
    case 'RunTask':
      return on([definitionArn(ecs, call)]);
    case 'RegisterTaskDefinition':
      return on([familyArn(call)], {});
    case 'TagResource':
    case 'UntagResource':
    case 'ListTagsForResource':
      return on([textOf(input.resourceArn) ?? ''], tagKeys(input.tagKeys));
    case 'ListServices':
      return onEach(action, [], inCluster);
    default:
      return onEach(action, []);
  }
}

function tagKeys(keys: unknown): Context {
  const given = textsOf(keys);
  return given.length === 0 ? {} : { 'aws:TagKeys': given };
}

/** The reference on such actions: "Both the service and the deployment are required resources". */
function ofServices(
  on: (arns: readonly string[], context?: Context) => PermissionCheck[],
  arns: readonly string[],
): PermissionCheck[] {
  return arns.flatMap((arn) => {
    const [, cluster = '', service = ''] = (arn.split(':')[5] ?? '').split('/');
    const prefix = arn.split(':').slice(0, 5).join(':');
    const owner = `${prefix}:service/${cluster}/${service}`;
    const inCluster = { 'ecs:cluster': `${prefix}:cluster/${cluster}` };
    return [...on([owner], inCluster), ...on([arn], { ...inCluster, 'ecs:service': owner })];
  });
}

/** The cluster of a call, named directly or in an ARN. */
function clusterOf({ input }: Call): string {
  const named = textOf(input.cluster);
  if (named !== undefined) return lastPart(named);
  const arn = [input.service, input.task]
    .map((value) => textOf(value) ?? '')
    .find((text) => text.startsWith('arn:'));
  return arn?.split('/')[1] ?? 'default';
}

function named(call: Call, prefix: string, names: readonly string[], otherwise?: string): string[] {
  const all = names.length === 0 && otherwise !== undefined ? [otherwise] : names;
  return all.map((name) =>
    name.startsWith('arn:') ? name : arnIn(call, 'ecs', `${prefix}${lastPart(name)}`),
  );
}

function familyArn(call: Call): string {
  return arnIn(call, 'ecs', `task-definition/${textOf(call.input.family) ?? ''}:*`);
}

function definitionArn(ecs: Ecs, call: Call): string {
  const given = textOf(call.input.taskDefinition) ?? '';
  return findTaskDefinition(ecs, given)?.arn ?? arnIn(call, 'ecs', `task-definition/${lastPart(given)}`);
}

function tagsOf(ecs: Ecs, arn: string): Context {
  const found = ecs.services.get(arn) ?? ecs.tasks.get(arn) ?? findTagged(ecs, arn);
  return resourceTags((found?.tags ?? []).map(({ key, value }) => [key, value]));
}

function findTagged(ecs: Ecs, arn: string): { tags: { key: string; value: string }[] } | undefined {
  if (arn.includes(':cluster/')) return ecs.clusters.get(lastPart(arn));
  return arn.includes(':task-definition/') ? findTaskDefinition(ecs, arn) : undefined;
}

/** The resource that a call creates and tags, by operation. */
const CREATED: Record<string, (call: Call) => string> = {
  RegisterTaskDefinition: familyArn,
  RunTask: (call) => arnIn(call, 'ecs', `task/${clusterOf(call)}/*`),
  CreateCluster: (call) => arnIn(call, 'ecs', `cluster/${textOf(call.input.clusterName) ?? 'default'}`),
  CreateService: (call) =>
    arnIn(call, 'ecs', `service/${clusterOf(call)}/${textOf(call.input.serviceName) ?? ''}`),
};

/**
 * "To tag resources on creation, users must have permissions to use the action that creates the resource and the
 * ecs:TagResource action", with the key `ecs:CreateAction`.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
 */
function tagChecks(_: Ecs, call: Call): PermissionCheck[] {
  const { operation, input } = call;
  const tags = tagsIn(input.tags);
  const created = CREATED[operation];
  if (!created || tags.length === 0) return [];
  const context = { ...requestTags(tags), 'ecs:CreateAction': operation };
  return [{ action: 'ecs:TagResource', resource: created(call), context }];
}

const TASKS = 'ecs-tasks.amazonaws.com';

/**
 * A task's roles are passed to ecs-tasks at its registration and when a task is run; a service's role to ecs.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/CWE_IAM_role.html
 * @see https://github.com/aws-actions/amazon-ecs-deploy-task-definition#permissions
 */
function passChecks(ecs: Ecs, call: Call): PermissionCheck[] {
  const { operation, input } = call;
  if (operation === 'RegisterTaskDefinition') return passTaskRoles(input);
  if (operation === 'RunTask') {
    const { given = {} } = findTaskDefinition(ecs, input.taskDefinition) ?? {};
    return passTaskRoles({ ...given, ...(input.overrides as object | undefined) });
  }
  if (operation !== 'CreateService' && operation !== 'UpdateService') return [];
  const balancers = (input.loadBalancers ?? []) as { advancedConfiguration?: { roleArn?: string } }[];
  const roles = [
    textOf(input.role),
    ...balancers.map(({ advancedConfiguration }) => advancedConfiguration?.roleArn),
  ];
  return [...new Set(roles)].flatMap((role) => passRole(role, 'ecs.amazonaws.com'));
}

function passTaskRoles({ executionRoleArn, taskRoleArn }: Record<string, unknown>): PermissionCheck[] {
  return [...passRole(textOf(executionRoleArn), TASKS), ...passRole(textOf(taskRoleArn), TASKS)];
}

function lastPart(nameOrArn: string): string {
  return nameOrArn.slice(nameOrArn.lastIndexOf('/') + 1);
}
