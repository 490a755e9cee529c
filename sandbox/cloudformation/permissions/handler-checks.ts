import {
  type PermissionCheck,
  passRole,
  requestTags,
  resourceTags,
} from '../../iam/calls/permission-check.ts';
import type { Context } from '../../iam/policies/policy.ts';
import { type HandlerName, handlerPermissions, referenceOf } from '../../iam/reference.ts';
import type { World } from '../../world.ts';
import { stackDatabase } from '../engine/stack-database.ts';
import { identityOf, type Stack, type StackResource } from '../engine/stack.ts';
import { isObject, type Json, type JsonObject, textOf } from '../json.ts';
import { arnOf, hasKnownArn } from '../resources/identity.ts';
import { isCustom } from '../resources/schema.ts';
import { isNeeded, type TagChange } from './needed.ts';

/** One run of a handler on a resource. */
export interface HandlerWork {
  handler: HandlerName;
  resource: StackResource;
  /** For an update: the resource before it. */
  before?: StackResource;
}

/** The service that receives the roles named in a type's properties. */
const PASSED_TO: Readonly<Record<string, readonly string[]>> = {
  'AWS::ECS::TaskDefinition': ['ecs-tasks.amazonaws.com'],
  'AWS::ECS::Service': ['ecs.amazonaws.com'],
  'AWS::Lambda::Function': ['lambda.amazonaws.com'],
  'AWS::EC2::FlowLog': ['vpc-flow-logs.amazonaws.com'],
  // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html, and field reports of rds
  'AWS::RDS::DBInstance': ['monitoring.rds.amazonaws.com', 'rds.amazonaws.com'],
  'AWS::RDS::DBCluster': ['monitoring.rds.amazonaws.com', 'rds.amazonaws.com'],
  'AWS::Scheduler::Schedule': ['scheduler.amazonaws.com'],
  'AWS::Events::Rule': ['events.amazonaws.com'],
  'AWS::Backup::BackupSelection': ['backup.amazonaws.com'],
  'AWS::ApplicationAutoScaling::ScalableTarget': ['application-autoscaling.amazonaws.com'],
};

/** The service-linked roles that are created with the first resource of a namespace. */
const LINKED_SERVICES: Readonly<Record<string, string>> = {
  ECS: 'ecs.amazonaws.com',
  ApplicationAutoScaling: 'ecs.application-autoscaling.amazonaws.com',
  ElasticLoadBalancingV2: 'elasticloadbalancing.amazonaws.com',
  RDS: 'rds.amazonaws.com',
  WAFv2: 'wafv2.amazonaws.com',
  ElastiCache: 'elasticache.amazonaws.com',
  Backup: 'backup.amazonaws.com',
  EC2: 'delivery.logs.amazonaws.com',
};

/**
 * The permissions that a handler needs: every action in its schema that the resource requires. CloudFormation's own
 * types have no handlers and need none; a custom resource needs permission to call its function or topic.
 *
 * The resource of a permission is the resource's own ARN, or an ARN in its properties if the action supports its
 * format. If neither is known, such as for ids that a service generates, unknown parts of the ARN are `*`, and a
 * statement that allows any such resource allows it.
 *
 * @see https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html#schema-properties-handlers
 */
export function handlerChecks(world: World, stack: Stack, work: HandlerWork): PermissionCheck[] {
  const { resource, before, handler } = work;
  if (isCustom(resource.type)) return handler === 'read' ? [] : customChecks(resource);
  const change = { before: before?.properties ?? {}, after: resource.properties };
  const tags = { before: before ? tagsOf(before) : {}, after: handler === 'delete' ? {} : tagsOf(resource) };
  const isDeletion = handler === 'delete' || handler === 'read';
  return (
    (handlerPermissions(resource.type, handler) ?? [])
      // The read handlers of WAFv2 also list writes, although reads change nothing.
      .filter((action) => handler !== 'read' || !WRITES.test(action))
      .filter((action) =>
        isNeeded(resource.type, action, change, isDeletion ? { before: {}, after: {} } : tags),
      )
      .flatMap((action) => actionChecks(world, stack, work, action, tags))
  );
}

const WRITES = /:(Create|Delete|Associate|Disassociate|Set|Put|PassRole)/;

/** Whether the permissions of a type's handlers are known. */
export function hasHandlers(type: string): boolean {
  return isCustom(type) || handlerPermissions(type, 'create') !== undefined;
}

function customChecks({ properties }: StackResource): PermissionCheck[] {
  const token = textOf(properties.ServiceToken);
  return [{ action: token.includes(':sns:') ? 'sns:Publish' : 'lambda:InvokeFunction', resource: token }];
}

function actionChecks(
  world: World,
  stack: Stack,
  work: HandlerWork,
  action: string,
  tags: TagChange,
): PermissionCheck[] {
  const { resource } = work;
  const { type, properties } = resource;
  if (action === 'iam:PassRole') {
    const services = PASSED_TO[type] ?? [];
    return rolesIn(properties).flatMap((role) =>
      services.length === 0
        ? [{ action, resource: role }]
        : services.flatMap((service) => passRole(role, service)),
    );
  }
  if (action === 'iam:CreateServiceLinkedRole') return [linkedRole(stack, type)];
  const reference = referenceOf(action);
  // Schemas list some actions that do not exist in IAM, such as s3:PutBucketReplication.
  if (!reference) return [];
  return resourcesOf(stack, resource, action)
    .map(({ arn, isPartial }) => ({
      action: `${action.split(':')[0] ?? ''}:${reference.name}`,
      resource: arn,
      context: contextOf(world, stack, work, { action, arn, tags }),
      ...(isPartial && { isPartial }),
    }))
    .flatMap((check) => perPolicy(check, properties));
}

/** Each managed policy that is attached or detached requires its own permission. */
function perPolicy(check: PermissionCheck, { ManagedPolicyArns }: JsonObject): PermissionCheck[] {
  if (!/:(Attach|Detach)RolePolicy$/.test(check.action) || !Array.isArray(ManagedPolicyArns)) return [check];
  return ManagedPolicyArns.map((arn) => ({
    ...check,
    context: { ...check.context, 'iam:PolicyARN': textOf(arn) },
  }));
}

function linkedRole(stack: Stack, type: string): PermissionCheck {
  const service = LINKED_SERVICES[type.split('::')[1] ?? ''] ?? '*';
  return {
    action: 'iam:CreateServiceLinkedRole',
    resource: `arn:${partitionIn(stack)}:iam::${stack.account}:role/aws-service-role/${service}/*`,
    context: { 'iam:AWSServiceName': service, ...regionOf('iam', stack) },
    isPartial: true,
  };
}

interface Named {
  arn: string;
  isPartial?: true;
}

function resourcesOf(stack: Stack, resource: StackResource, action: string): Named[] {
  const formats = referenceOf(action)?.resources ?? [];
  if (formats.length === 0) return [{ arn: '*' }];
  const fits = (arn: string): boolean => formats.some((format) => formatOf(format.arn).test(arn));
  const own = ownArn(stack, resource);
  // More resources of ELB can be tagged than the reference lists for AddTags.
  const isTagging = /:(Tag|AddTags|Untag|RemoveTags)/.test(action);
  if (own !== undefined && (fits(own) || (isTagging && own.split(':')[2] === action.split(':')[0])))
    return [{ arn: own }];
  const named = [...arnsIn(resource.properties), ...impliedArns(stack, resource)].filter(fits);
  if (named.length > 0) return [...new Set(named)].map((arn) => ({ arn }));
  const required = formats.filter(({ required: isRequired }) => isRequired);
  const [only, ...others] = required.length > 0 ? required : formats;
  const service = action.split(':')[0] ?? '';
  const arn = only && others.length === 0 ? only.arn : `arn:\${Partition}:${service}:*`;
  return [{ arn: filled(arn, stack), isPartial: true }];
}

function ownArn(stack: Stack, resource: StackResource): string | undefined {
  const { physicalId } = resource;
  if (physicalId.startsWith('arn:') && !physicalId.includes('|')) return physicalId;
  const identity = identityOf(stack, resource);
  return hasKnownArn(identity.schema) ? arnOf(identity) : undefined;
}

const formats = new Map<string, RegExp>();

/** Matches the ARNs of a format such as `arn:${Partition}:s3:::${BucketName}`. */
function formatOf(format: string): RegExp {
  const known =
    formats.get(format) ??
    new RegExp(
      `^${format
        .split(/\$\{\w+\}/)
        .map(escaped)
        .join('(.+)')}$`,
    );
  formats.set(format, known);
  return known;
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

function filled(format: string, stack: Stack): string {
  const known: Record<string, string> = {
    Partition: partitionIn(stack),
    Region: stack.region,
    Account: stack.account,
  };
  return format.replace(/\$\{(\w+)\}/g, (_, name: string) => known[name] ?? '*');
}

/** ARNs derived from names in properties. */
function impliedArns(stack: Stack, { type, properties }: StackResource): string[] {
  const { Bucket, LogGroupName, Code, HostedZoneId, Cluster, ServiceName } = properties;
  const arn = (service: string, rest: string): string =>
    `arn:${partitionIn(stack)}:${service}:${stack.region}:${stack.account}:${rest}`;
  const code = isObject(Code) ? Code : {};
  return [
    ...(Bucket === undefined ? [] : [`arn:${partitionIn(stack)}:s3:::${textOf(Bucket)}`]),
    ...(LogGroupName === undefined ? [] : [arn('logs', `log-group:${textOf(LogGroupName)}`)]),
    ...(code.S3Bucket === undefined
      ? []
      : [`arn:${partitionIn(stack)}:s3:::${textOf(code.S3Bucket)}/${textOf(code.S3Key)}`]),
    ...(HostedZoneId === undefined
      ? []
      : [`arn:${partitionIn(stack)}:route53:::hostedzone/${textOf(HostedZoneId)}`]),
    ...(type === 'AWS::ECS::Service' && Cluster !== undefined
      ? [arn('ecs', `service/${textOf(Cluster).replace(/^.*\//, '')}/${textOf(ServiceName)}`)]
      : []),
    // The name of secrets that RDS manages.
    ...(type.startsWith('AWS::RDS::') ? [arn('secretsmanager', 'secret:rds!cluster-00000000-AbCdEf')] : []),
  ];
}

/** All ARNs in the values. */
function arnsIn(value: Json | undefined): string[] {
  if (typeof value === 'string') return value.startsWith('arn:') ? [value] : [];
  if (Array.isArray(value)) return value.flatMap(arnsIn);
  return isObject(value) ? Object.values(value).flatMap(arnsIn) : [];
}

function rolesIn(properties: JsonObject): string[] {
  return [...new Set(arnsIn(properties).filter((arn) => /^arn:[^:]+:iam::\d+:role\//.test(arn)))];
}

/** Global services, whose requests are always in one region: "aws:RequestedRegion is us-east-1". */
const GLOBAL = new Set(['iam', 'route53', 'cloudfront', 'budgets', 'ce', 'organizations']);

/** @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion */
function regionOf(service: string, { region }: Stack): Context {
  return { 'aws:RequestedRegion': GLOBAL.has(service) ? 'us-east-1' : region };
}

/** The calls of handlers before the resource exists. */
const MAKES = /:(Create|Allocate|Request|Register|Run|Put(Parameter|MetricAlarm|CompositeAlarm|Dashboard)$)/;

function contextOf(
  world: World,
  stack: Stack,
  { resource, before, handler }: HandlerWork,
  { action, arn, tags }: { action: string; arn: string; tags: TagChange },
): Context {
  const [service = ''] = action.split(':');
  const isNew = handler === 'create' && MAKES.test(action);
  const carried = Object.entries(tags.after).map(([key, value]) => ({ key, value }));
  const sendsTags = isNew || /:(Tag|AddTags|CreateTags)/.test(action);
  const boundary = textOf(
    (before ?? resource).properties.PermissionsBoundary ?? resource.properties.PermissionsBoundary,
  );
  const own = handler === 'create' ? tags.after : handler === 'update' ? tags.before : tagsOf(resource);
  return {
    ...regionOf(service, stack),
    ...(sendsTags && handler !== 'delete' ? requestTags(carried) : {}),
    ...(isNew ? {} : resourceTags(Object.entries(tagsAt(world, stack, resource, arn) ?? own))),
    ...(resource.type === 'AWS::IAM::Role' && boundary !== '' ? { 'iam:PermissionsBoundary': boundary } : {}),
  };
}

/** The tags of another resource in the account, by ARN. Undefined for the resource itself. */
function tagsAt(
  world: World,
  { account, region }: Stack,
  resource: StackResource,
  arn: string,
): Record<string, string> | undefined {
  if (arn === resource.physicalId || !arn.startsWith('arn:') || arn.includes('*')) return undefined;
  for (const { resources } of stackDatabase(world, account, region).active()) {
    for (const other of resources.values()) {
      if (other.physicalId === arn && other.logicalId !== resource.logicalId) return tagsOf(other);
    }
  }
  return undefined;
}

/** The tags of a resource and of its stack, by key. */
function tagsOf({ properties, stackTags }: StackResource): Record<string, string> {
  const own = ['Tags', 'ResourceTags', 'HostedZoneTags'].flatMap((name) => tagList(properties[name]));
  const inherited = stackTags.map(({ Key, Value }) => [Key, Value] as const);
  return Object.fromEntries([...inherited, ...own]);
}

function tagList(value: Json | undefined): (readonly [string, string])[] {
  if (Array.isArray(value)) {
    return value.filter(isObject).map(({ Key, Value }) => [textOf(Key), textOf(Value)] as const);
  }
  return isObject(value) ? Object.entries(value).map(([key, item]) => [key, textOf(item)] as const) : [];
}

function partitionIn({ id }: Stack): string {
  return id.split(':')[1] ?? 'aws';
}
