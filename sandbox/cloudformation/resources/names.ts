import { isScalar, type JsonObject, textOf } from '../json.ts';
import type { ResourceSchema } from './schema.ts';

/** A name that only one resource can have. */
export interface ExclusiveName {
  /** The name of the resource. */
  name: string;
  /** The identifier as AWS shows it: `/shop/log|errors`. */
  identifier: string;
  /**
   * The type with everything that determines the identity: the name of a metric filter is unique only within its log
   * group.
   */
  key: string;
}

/** The property that sets a resource's name, or undefined if there is none. */
export function nameProperty({ type, identifier, properties }: ResourceSchema): string | undefined {
  const kind = type.split('::').at(-1) ?? '';
  const named = [...identifier, `${kind}Name`, 'Name', `${kind}Identifier`, 'Family'].filter(
    (property) => property in properties && /(Name|Identifier|Family)$/.test(property),
  );
  const isOwn = (property: string): boolean =>
    property === 'Name' || kind.endsWith(property.replace(/(Name|Identifier)$/, ''));
  return named.find(isOwn) ?? named[0];
}

/** Types that are identified by a generated id, although their services refuse a second resource with the same name. */
const UNIQUE_NAMES: ReadonlySet<string> = new Set([
  'AWS::SecretsManager::Secret',
  'AWS::EC2::LaunchTemplate',
  'AWS::EC2::SecurityGroup',
  'AWS::EKS::Nodegroup',
  'AWS::DocDB::DBInstance',
]);

/** Optional parents: without one, the resource is in the default cluster, bus or zone. */
const OPTIONAL_PARENTS: Record<string, readonly string[]> = {
  'AWS::ECS::Service': ['Cluster'],
  'AWS::Events::Rule': ['EventBusName'],
  'AWS::EC2::SecurityGroup': ['VpcId'],
  'AWS::Route53::RecordSet': ['HostedZoneName'],
  'AWS::ApplicationAutoScaling::ScalingPolicy': ['ScalingTargetId', 'ResourceId', 'ScalableDimension'],
};

/** In families of task definitions, the same name creates another revision. */
const REPEATABLE: ReadonlySet<string> = new Set(['AWS::ECS::TaskDefinition']);

/**
 * The name of a resource that must be unique. Undefined if the template sets none, or if the service accepts duplicates
 * (REST APIs, user pools, inline policies of another role).
 */
export function exclusiveName(schema: ResourceSchema, properties: JsonObject): ExclusiveName | undefined {
  const own = nameProperty(schema);
  const name = own === undefined ? undefined : textAt(properties, own);
  if (own === undefined || name === undefined || !isExclusive(schema, own)) return undefined;
  const parts = new Set([...schema.key, own, ...parentsOf(schema), ...(OPTIONAL_PARENTS[schema.type] ?? [])]);
  const values = [...parts].map((part) => textAt(properties, part));
  const whole = schema.key.every((part) => textAt(properties, part) !== undefined);
  return {
    name,
    identifier: whole ? schema.key.map((part) => textAt(properties, part)).join('|') : name,
    key: [schema.type, ...values].join('/'),
  };
}

function isExclusive({ type, key, properties }: ResourceSchema, own: string): boolean {
  if (REPEATABLE.has(type)) return false;
  if (key.includes(own) || UNIQUE_NAMES.has(type)) return true;
  const generated = key.filter((part) => !(part in properties));
  return generated.length > 0 && generated.every((part) => /(Arn|ARN|Url)$/.test(part));
}

/** Required properties that can never change: the parents of the resource. */
function parentsOf({ properties }: ResourceSchema): string[] {
  return Object.entries(properties)
    .filter(([name, { required, replacement }]) => required && replacement === 'yes' && isReference(name))
    .map(([name]) => name);
}

function isReference(property: string): boolean {
  return /(Id|Arn|ARN|Name|Identifier)$/.test(property) && !/Role(Arn|ARN)$/.test(property);
}

function textAt(properties: JsonObject, name: string): string | undefined {
  const value = properties[name];
  return isScalar(value) ? String(value) : undefined;
}

/** A resource that can exist only once per account, whatever its name. */
export interface Singleton {
  key: string;
  code: string;
  /** The service's error for the second one. */
  message: string;
}

const SINGLETONS: Record<string, (properties: JsonObject) => Singleton | undefined> = {
  /** @see https://github.com/guardian/cdk/issues/2529 */
  'AWS::IAM::OIDCProvider': ({ Url }) => ({
    key: textOf(Url),
    code: 'AlreadyExists',
    message: `Provider with url ${textOf(Url)} already exists.`,
  }),
  /**
   * The quota is one managed monitor per dimension. CloudFormation reports a taken name, without the reason.
   *
   * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2515
   */
  'AWS::CE::AnomalyMonitor': ({ MonitorType, MonitorDimension }) =>
    MonitorType === 'DIMENSIONAL'
      ? { key: textOf(MonitorDimension), code: 'AlreadyExists', message: 'null' }
      : undefined,
};

/** What an account can have only once of a resource, or undefined for resources that may be repeated. */
export function singletonOf(type: string, properties: JsonObject): Singleton | undefined {
  const found = SINGLETONS[type]?.(properties);
  return found && { ...found, key: `${type}/${found.key}` };
}
