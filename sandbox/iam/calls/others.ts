import { type Call, listOf, textOf } from '../../protocols/service.ts';
import { partitionOf } from '../../world.ts';
import { parameterStore } from '../../ssm/parameter-store.ts';
import { identityStore } from '../roles.ts';
import {
  type PermissionCheck,
  arnIn,
  onEach,
  type PermissionChecks,
  requestTags,
  resourceTags,
  tagsIn,
  textsOf,
} from './permission-check.ts';

/** Calls of ECR that require a different permission, and those without a repository. */
const ECR_ACTIONS: Record<string, string> = {
  // "The IAM principal invoking this operation must have the ecr:BatchGetImage permission."
  // https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html
  ListImageReferrers: 'ecr:BatchGetImage',
};

/** @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html */
export const ecrChecks: PermissionChecks = (_, call) => {
  const { operation, input } = call;
  const action = ECR_ACTIONS[operation] ?? `ecr:${operation}`;
  const owner = { ...call, account: textOf(input.registryId) ?? call.account };
  const names = [textOf(input.repositoryName) ?? [], textsOf(input.repositoryNames)].flat();
  const arns = [
    ...names.map((name) => arnIn(owner, 'ecr', `repository/${name}`)),
    textOf(input.resourceArn) ?? [],
  ].flat();
  if (operation === 'DescribeRepositories')
    return onEach(action, arns, {}, arnIn(owner, 'ecr', 'repository/*'));
  const tags = tagsIn(input.tags);
  const checks = onEach(action, arns, { ...requestTags(tags), ...settingOf(call) });
  return operation === 'CreateRepository' && tags.length > 0
    ? [...checks, ...onEach('ecr:TagResource', arns, requestTags(tags))]
    : checks;
};

function settingOf({ operation, input }: Call): Record<string, string> {
  return operation.endsWith('AccountSetting') ? { 'ecr:AccountSetting': textOf(input.name) ?? '' } : {};
}

/** @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html */
export const ssmChecks: PermissionChecks = (world, call) => {
  const { operation, input } = call;
  const action = `ssm:${operation}`;
  const store = parameterStore(world, call.account, call.region);
  const tags = tagsIn(input.Tags);
  const on = (name: string): PermissionCheck => ({
    action,
    resource: parameterArn(call, name),
    context: { ...resourceTags(store.tags(bareName(name))), ...requestTags(tags), ...parameterKeys(call) },
  });
  switch (operation) {
    case 'DescribeParameters':
      return onEach(action, []);
    case 'GetParameters':
    case 'DeleteParameters':
      return textsOf(input.Names).map(on);
    case 'GetParametersByPath':
      return [on(textOf(input.Path) ?? '')];
    case 'AddTagsToResource':
    case 'RemoveTagsFromResource':
    case 'ListTagsForResource':
      return [on(textOf(input.ResourceId) ?? '')];
    case 'PutParameter': {
      const check = on(textOf(input.Name) ?? '');
      return tags.length === 0 ? [check] : [check, { ...check, action: 'ssm:AddTagsToResource' }];
    }
    default:
      return [on(textOf(input.Name) ?? '')];
  }
};

function parameterKeys({ operation, input }: Call): Record<string, string> {
  if (operation === 'PutParameter') return { 'ssm:Overwrite': String(input.Overwrite === true) };
  return operation === 'GetParametersByPath' ? { 'ssm:Recursive': String(input.Recursive === true) } : {};
}

function parameterArn(call: Call, name: string): string {
  if (name.startsWith('arn:')) return name.split(':').slice(0, 6).join(':');
  return arnIn(call, 'ssm', `parameter/${bareName(name).replace(/^\//, '')}`);
}

/** A name without a version. */
function bareName(name: string): string {
  return name.split(':')[0] ?? name;
}

/**
 * A log group is checked with an empty stream, so that both forms of its ARN in a policy match: with and without `:*`.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
 */
export const logsChecks: PermissionChecks = (_, call) => {
  const { operation, input } = call;
  const action = `logs:${operation}`;
  if (operation === 'DescribeLogGroups') return onEach(action, []);
  const given = textOf(input.logGroupName) ?? textOf(input.logGroupIdentifier)?.split(':')[6] ?? '';
  const stream = operation === 'GetLogEvents' ? (textOf(input.logStreamName) ?? '') : '';
  return [{ action, resource: arnIn(call, 'logs', `log-group:${given}:log-stream:${stream}`) }];
};

/** @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html */
export const cloudWatchChecks: PermissionChecks = (_, call) => {
  const names = [...textsOf(call.input.AlarmNames), ...[textOf(call.input.AlarmName) ?? []].flat()];
  const arns = names.map((name) => arnIn(call, 'cloudwatch', `alarm:${name}`));
  return onEach(`cloudwatch:${call.operation}`, arns, {}, arnIn(call, 'cloudwatch', 'alarm:*'));
};

/** Describe actions have no resource types, so they are checked with `*`. */
export const loadBalancingChecks: PermissionChecks = (_, call) =>
  onEach(`elasticloadbalancing:${call.operation}`, []);

/** @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscertificatemanager.html */
export const certificateChecks: PermissionChecks = (_, call) => [
  { action: `acm:${call.operation}`, resource: textOf(call.input.CertificateArn) ?? '' },
];

/** Describe actions have no resource types, so they are checked with `*`. */
export const networkChecks: PermissionChecks = (_, call) => onEach(`ec2:${call.operation}`, []);

/** @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonroute53.html */
export const zoneChecks: PermissionChecks = (_, call) => {
  const zone = `arn:${partitionOf(call.region).id}:route53:::hostedzone/${textOf(call.input.Id) ?? ''}`;
  return [{ action: `route53:${call.operation}`, resource: zone }];
};

export const quotaChecks: PermissionChecks = (_, call) => {
  const { ServiceCode, QuotaCode } = call.input;
  const quota = `${textOf(ServiceCode) ?? ''}/${textOf(QuotaCode) ?? ''}`;
  const context = { 'servicequotas:service': textOf(ServiceCode) ?? '' };
  return [
    { action: `servicequotas:${call.operation}`, resource: arnIn(call, 'servicequotas', quota), context },
  ];
};

export const secretChecks: PermissionChecks = (_, call) => {
  const id = textOf(call.input.SecretId) ?? '';
  const resource = id.startsWith('arn:') ? id : arnIn(call, 'secretsmanager', `secret:${id}`);
  return [
    { action: `secretsmanager:${call.operation}`, resource, context: { 'secretsmanager:SecretId': id } },
  ];
};

export const iamChecks: PermissionChecks = (world, call) => {
  const name = textOf(call.input.RoleName) ?? '';
  const role = identityStore(world).roleNamed(call.account, name);
  const resource = role?.arn ?? `arn:${partitionOf(call.region).id}:iam::${call.account}:role/${name}`;
  return [{ action: `iam:${call.operation}`, resource }];
};

/**
 * "No permissions are required to perform GetCallerIdentity." A role in the same account that trusts the caller's role
 * by name requires no permission of the caller.
 *
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-id-rdp.html
 */
export const stsChecks: PermissionChecks = (world, call) => {
  if (call.operation !== 'AssumeRole') return [];
  const resource = textOf(call.input.RoleArn) ?? '';
  const isOwn = resource.split(':')[4] === call.account;
  if (isOwn && trustsByName(identityStore(world).role(resource)?.trustPolicy.Statement, call)) return [];
  return [
    {
      action: 'sts:AssumeRole',
      resource,
      context: { 'sts:RoleSessionName': textOf(call.input.RoleSessionName) ?? '' },
    },
  ];
};

function trustsByName(statements: unknown, call: Call): boolean {
  const own = [call.principalArn, call.principal?.session?.roleArn];
  const all = (Array.isArray(statements) ? statements : [statements]) as { Principal?: { AWS?: unknown } }[];
  return all.some((statement) => {
    const named = statement.Principal?.AWS;
    return (Array.isArray(named) ? listOf(named) : [named]).some(
      (name) => typeof name === 'string' && own.includes(name),
    );
  });
}
