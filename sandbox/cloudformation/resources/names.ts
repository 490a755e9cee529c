import { isScalar, type JsonObject, textOf } from '../json.ts';
import type { ResourceSchema } from './schema.ts';

/** A name that only one resource can have at a time. */
export interface ExclusiveName {
  /** The resource's own name. */
  name: string;
  /** The identifier as AWS shows it: `/shop/log|errors`. */
  identifier: string;
  /** The type with all that the identity is made of: a metric filter's name counts within its log group only. */
  key: string;
}

/** The property that sets a resource's name; undefined when it has none. */
export function nameProperty({ type, identifier, properties }: ResourceSchema): string | undefined {
  const kind = type.split('::').at(-1) ?? '';
  const named = [...identifier, `${kind}Name`, 'Name', `${kind}Identifier`, 'Family'].filter(
    (property) => property in properties && /(Name|Identifier|Family)$/.test(property),
  );
  const isOwn = (property: string): boolean =>
    property === 'Name' || kind.endsWith(property.replace(/(Name|Identifier)$/, ''));
  return named.find(isOwn) ?? named[0];
}

/** Types that are identified by a generated id and whose services refuse a second resource of a name all the same. */
const UNIQUE_NAMES: ReadonlySet<string> = new Set([
  'AWS::SecretsManager::Secret',
  'AWS::EC2::LaunchTemplate',
  'AWS::EC2::SecurityGroup',
  'AWS::EKS::Nodegroup',
  'AWS::DocDB::DBInstance',
]);

/** Parents that a schema does not require: without one, the resource is in the default cluster, bus or zone. */
const OPTIONAL_PARENTS: Record<string, readonly string[]> = {
  'AWS::ECS::Service': ['Cluster'],
  'AWS::Events::Rule': ['EventBusName'],
  'AWS::EC2::SecurityGroup': ['VpcId'],
  'AWS::Route53::RecordSet': ['HostedZoneName'],
  'AWS::ApplicationAutoScaling::ScalingPolicy': ['ScalingTargetId', 'ResourceId', 'ScalableDimension'],
};

/** Families of task definitions take another revision. */
const REPEATABLE: ReadonlySet<string> = new Set(['AWS::ECS::TaskDefinition']);

/**
 * The name of a resource that nothing else may have; undefined where the template gives none, or where the service takes
 * the same name twice (REST APIs, user pools, inline policies of another role).
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

/** What a resource must name when it is made and can never change: where it belongs to. */
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

/** A resource that an account has once, whatever its name. */
export interface Singleton {
  key: string;
  code: string;
  /** As the service refuses the second one. */
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
   * The quota is one managed monitor of a dimension; CloudFormation words it as a taken name, without the reason.
   *
   * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2515
   */
  'AWS::CE::AnomalyMonitor': ({ MonitorType, MonitorDimension }) =>
    MonitorType === 'DIMENSIONAL'
      ? { key: textOf(MonitorDimension), code: 'AlreadyExists', message: 'null' }
      : undefined,
};

/** What of a resource an account can have once only; undefined for resources that may be repeated. */
export function singletonOf(type: string, properties: JsonObject): Singleton | undefined {
  const found = SINGLETONS[type]?.(properties);
  return found && { ...found, key: `${type}/${found.key}` };
}
