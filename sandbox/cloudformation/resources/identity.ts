import { createHash } from 'node:crypto';
import { isScalar, type Json, type JsonObject } from '../json.ts';
import { nameProperty } from './names.ts';
import type { ResourceSchema } from './schema.ts';

/** Where a resource is created, and by which stack. */
export interface Place {
  account: string;
  region: string;
  partition: string;
  urlSuffix: string;
  stackName: string;
  stackId: string;
}

/** A created resource. Its ids and attributes are derived from these values, so they are not stored. */
export interface Identity {
  schema: ResourceSchema;
  logicalId: string;
  properties: JsonObject;
  /** 12 unique letters and digits. */
  unique: string;
  /** For task definitions: the revision of the family. */
  revision?: number;
  place: Place;
}

const NAME_ALPHABET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** The unique suffix of a generated name. */
export function newNameSuffix(random: { text(length: number, alphabet?: string): string }): string {
  return random.text(12, NAME_ALPHABET);
}

/** Prefixes of the ids that EC2 and some other services generate. */
const ID_PREFIXES: Record<string, string> = {
  VPC: 'vpc',
  Subnet: 'subnet',
  SecurityGroup: 'sg',
  SecurityGroupIngress: 'sgr',
  SecurityGroupEgress: 'sgr',
  InternetGateway: 'igw',
  EgressOnlyInternetGateway: 'eigw',
  NatGateway: 'nat',
  RouteTable: 'rtb',
  SubnetRouteTableAssociation: 'rtbassoc',
  NetworkAcl: 'acl',
  SubnetNetworkAclAssociation: 'aclassoc',
  VPCEndpoint: 'vpce',
  VPCCidrBlock: 'vpc-cidr-assoc',
  VPCPeeringConnection: 'pcx',
  VPNGateway: 'vgw',
  CustomerGateway: 'cgw',
  DHCPOptions: 'dopt',
  FlowLog: 'fl',
  NetworkInterface: 'eni',
  Instance: 'i',
  Volume: 'vol',
  LaunchTemplate: 'lt',
  PrefixList: 'pl',
  TransitGateway: 'tgw',
  TransitGatewayAttachment: 'tgw-attach',
  PrivateDnsNamespace: 'ns',
  HttpNamespace: 'ns',
  FileSystem: 'fs',
  MountTarget: 'fsmt',
  AccessPoint: 'fsap',
};
const LOWER_CASE = /^AWS::(S3|RDS|ECR|DocDB|Neptune|ElastiCache|OpenSearchService)::/;

/** Hexadecimal digits that are always the same for this resource and purpose. */
function digits(identity: Identity, purpose: string, length: number): string {
  const seed = `${identity.place.stackId}/${identity.logicalId}/${identity.unique}/${purpose}`;
  return createHash('sha256').update(seed).digest('hex').slice(0, length);
}

function uuidOf(identity: Identity, purpose: string): string {
  const hex = digits(identity, purpose, 32);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join('-');
}

/** The text of a property, if it is set. */
function given(identity: Identity, property: string): string | undefined {
  const value: Json | undefined = identity.properties[property];
  return isScalar(value) ? String(value) : undefined;
}

/** The name in the properties, or a generated one: stack, logical id, and 12 characters. */
export function nameOf(identity: Identity): string {
  const { schema, logicalId, unique, place } = identity;
  const custom = nameProperty(schema);
  const chosen = custom === undefined ? undefined : given(identity, custom);
  if (chosen !== undefined) return chosen;
  if (schema.type.startsWith('AWS::ElasticLoadBalancing')) {
    return `${place.stackName.slice(0, 6)}-${logicalId.slice(0, 12)}-${unique}`;
  }
  // The generated name of a secret has no stack in it: https://github.com/link2aws/link2aws.github.io/pull/66
  if (schema.type === 'AWS::SecretsManager::Secret') return `${logicalId}-${unique}`;
  const isLowerCase = LOWER_CASE.test(schema.type);
  // 512 characters are allowed: https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-logs/pull/32
  const limit = schema.type === 'AWS::Logs::LogGroup' ? 512 : isLowerCase ? 63 : 64;
  const name = `${fitted(place.stackName, logicalId, limit - unique.length - 1)}-${unique}`;
  return isLowerCase ? name.toLowerCase() : name;
}

/**
 * Stack and logical id if both fit, otherwise half of each.
 *
 * @see https://github.com/KensioSoftware/yulin/issues/1113 "splits what is left between the stack name and the logical ID
 *  around one more hyphen, the stack half rounding up", with three names from an account
 */
function fitted(stackName: string, logicalId: string, room: number): string {
  const whole = `${stackName}-${logicalId}`;
  if (whole.length <= room) return whole;
  const half = (room - 1) / 2;
  return `${stackName.slice(0, Math.ceil(half))}-${logicalId.slice(0, Math.floor(half))}`;
}

/** The value of `Ref`. */
export function physicalIdOf(identity: Identity): string {
  const { schema } = identity;
  const parts = schema.identifier.map((part) => identifierPart(identity, part));
  return parts.length === 0 ? nameOf(identity) : parts.join('|');
}

function identifierPart(identity: Identity, part: string): string {
  const { schema } = identity;
  if (schema.type === 'AWS::EC2::Route' && part === 'CidrBlock') {
    return given(identity, 'DestinationCidrBlock') ?? given(identity, 'DestinationIpv6CidrBlock') ?? '::/0';
  }
  if (schema.type === 'AWS::EC2::VPCGatewayAttachment' && part === 'AttachmentType') {
    return given(identity, 'VpnGatewayId') === undefined ? 'IGW' : 'VGW';
  }
  const chosen = given(identity, part);
  if (chosen !== undefined) return chosen;
  if (schema.type === 'AWS::IAM::ServiceLinkedRole') return linkedRoleName(identity);
  if (/Arn$/.test(part)) return arnOf(identity);
  if (part === 'PublicIp') return `203.0.113.${String(Number.parseInt(digits(identity, 'ip', 2), 16))}`;
  if (part === 'QueueUrl') return queueUrl(identity);
  if (/Id$/.test(part)) return idOf(identity, part);
  return nameOf(identity);
}

/** For ECS: AWSServiceRoleForECS. The names for other services are assumed to be similar. */
function linkedRoleName(identity: Identity): string {
  const [service = ''] = (given(identity, 'AWSServiceName') ?? '').split('.');
  const suffix = given(identity, 'CustomSuffix');
  return `AWSServiceRoleFor${service.toUpperCase()}${suffix === undefined ? '' : `_${suffix}`}`;
}

function queueUrl(identity: Identity): string {
  const { region, account, urlSuffix } = identity.place;
  return `https://sqs.${region}.${urlSuffix}/${account}/${nameOf(identity)}`;
}

/** An id in the form of its service. */
function idOf(identity: Identity, part: string): string {
  const { type } = identity.schema;
  const [, service = '', kind = ''] = type.split('::');
  const own =
    identity.schema.identifier.includes(part) || part === 'Id' || part === `${kind}Id` || part === 'GroupId';
  const prefix = own ? ID_PREFIXES[kind] : ID_PREFIXES[part.replace(/Id$/, '')];
  if (part === 'AllocationId') return `eipalloc-0${digits(identity, part, 16)}`;
  if (part === 'EniId') return `eni-0${digits(identity, part, 16)}`;
  if (prefix !== undefined && (service !== 'RDS' || !own))
    return `${prefix}-0${digits(identity, own ? 'id' : part, 16)}`;
  if (service === 'SecretsManager' && part === 'Id') return arnOf(identity);
  if (service === 'KMS') return uuidOf(identity, 'id');
  if (/HostedZoneI[dD]$/.test(part) || type === 'AWS::Route53::HostedZone')
    return `Z${digits(identity, 'zone', 20).toUpperCase()}`;
  if (service === 'CloudFront') return `E${digits(identity, 'id', 13).toUpperCase()}`;
  if (service.startsWith('ApiGateway')) return digits(identity, 'id', 10);
  if (/ResourceId$/.test(part))
    return `${kind === 'DBCluster' ? 'cluster' : 'db'}-${digits(identity, part, 26).toUpperCase()}`;
  if (service === 'WAFv2' || service === 'CertificateManager') return uuidOf(identity, 'id');
  if (part === 'RoleId') return `AROA${digits(identity, part, 17).toUpperCase()}`;
  if (type.startsWith('AWS::Cognito::') && own)
    return `${identity.place.region}_${digits(identity, 'id', 9)}`;
  if (!own) return digits(identity, part, 17);
  // Other resources may have the same name; a generated id is unique.
  const named = nameProperty(identity.schema);
  return named !== undefined && given(identity, named) !== undefined
    ? digits(identity, 'id', 17)
    : nameOf(identity);
}

/** Services whose name in ARNs differs from the lower-case namespace of their types. */
const SERVICES: Record<string, string> = {
  ElasticLoadBalancingV2: 'elasticloadbalancing',
  ApplicationAutoScaling: 'application-autoscaling',
  CertificateManager: 'acm',
  StepFunctions: 'states',
  EFS: 'elasticfilesystem',
  OpenSearchService: 'es',
  Cognito: 'cognito-idp',
  MSK: 'kafka',
};

/** The last part of the ARN, for types without an ARN template in the specification. */
const RESOURCE_PARTS: Record<string, (identity: Identity) => string> = {
  'AWS::ElasticLoadBalancingV2::LoadBalancer': (identity) => `loadbalancer/${loadBalancerPath(identity)}`,
  'AWS::ElasticLoadBalancingV2::TargetGroup': (identity) =>
    `targetgroup/${nameOf(identity)}/${digits(identity, 'arn', 16)}`,
  'AWS::ECS::Service': (identity) =>
    `service/${lastPart(given(identity, 'Cluster') ?? 'default')}/${nameOf(identity)}`,
  'AWS::ECS::TaskDefinition': (identity) =>
    `task-definition/${nameOf(identity)}:${String(identity.revision ?? 1)}`,
  'AWS::ApplicationAutoScaling::ScalingPolicy': (identity) =>
    `scalingPolicy:${uuidOf(identity, 'arn')}:policyName/${nameOf(identity)}`,
  'AWS::AutoScaling::AutoScalingGroup': (identity) =>
    `autoScalingGroup:${uuidOf(identity, 'arn')}:autoScalingGroupName/${nameOf(identity)}`,
};

/** Types whose ARN continues that of another resource. */
const DERIVED: Record<string, (identity: Identity) => string | undefined> = {
  'AWS::ElasticLoadBalancingV2::Listener': (identity) =>
    given(identity, 'LoadBalancerArn')
      ?.replace(':loadbalancer/', ':listener/')
      .concat('/', digits(identity, 'arn', 16)),
  'AWS::ElasticLoadBalancingV2::ListenerRule': (identity) =>
    given(identity, 'ListenerArn')
      ?.replace(':listener/', ':listener-rule/')
      .concat('/', digits(identity, 'arn', 16)),
  'AWS::SNS::Subscription': (identity) => given(identity, 'TopicArn')?.concat(':', uuidOf(identity, 'arn')),
};

/** Whether `arnOf` returns the ARN of a type in the form of its service. */
export function hasKnownArn({ type, arn }: ResourceSchema): boolean {
  return arn !== undefined || type in RESOURCE_PARTS || type in DERIVED;
}

/** The ARN of a resource, in the form of its service if the specification or the tables above contain it. */
export function arnOf(identity: Identity): string {
  const { schema, place } = identity;
  const derived = DERIVED[schema.type]?.(identity);
  if (derived !== undefined) return derived;
  const part = RESOURCE_PARTS[schema.type];
  if (schema.arn !== undefined && !part) return fill(schema.arn, identity);
  const [, service = '', kind = ''] = schema.type.split('::');
  const prefix = `arn:${place.partition}:${SERVICES[service] ?? service.toLowerCase()}:${place.region}:${place.account}`;
  return `${prefix}:${part?.(identity) ?? `${kebab(kind)}/${nameOf(identity)}`}`;
}

/** `app/<name>/<digits>`, the full name of a load balancer. */
function loadBalancerPath(identity: Identity): string {
  const kind = { network: 'net', gateway: 'gwy' }[given(identity, 'Type') ?? ''] ?? 'app';
  return `${kind}/${nameOf(identity)}/${digits(identity, 'arn', 16)}`;
}

function fill(template: string, identity: Identity): string {
  const { place } = identity;
  return template.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    if (name === 'Partition') return place.partition;
    if (name === 'Region') return place.region;
    if (name === 'Account') return place.account;
    if (name.endsWith('WithPath')) return `${(given(identity, 'Path') ?? '/').slice(1)}${nameOf(identity)}`;
    if (name === 'ParameterNameWithoutLeadingSlash') return nameOf(identity).replace(/^\//, '');
    if (name === 'SecretId') return `${nameOf(identity)}-${digits(identity, 'arn', 6)}`;
    if (name === 'Alias') return nameOf(identity).replace(/^alias\//, '');
    if (name === 'OidcProviderName') return (given(identity, 'Url') ?? '').replace(/^https:\/\//, '');
    return given(identity, name) ?? (/(Id|Identifier)$/.test(name) ? idOf(identity, 'Id') : nameOf(identity));
  });
}

function lastPart(text: string): string {
  return text.split('/').at(-1) ?? text;
}

function kebab(text: string): string {
  return text.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();
}

/** The value of `Fn::GetAtt`: the property with this name, or a value like the service's. */
export function attributeOf(identity: Identity, name: string): Json {
  const set = identity.properties[name];
  if (set !== undefined) return set;
  const kind = identity.schema.attributes[name];
  if (kind === 'array') return listAttribute(identity, name);
  if (kind === 'boolean') return false;
  const known = SPECIAL[name]?.(identity);
  if (known !== undefined) return known;
  if (kind === 'integer' || kind === 'number') return 1;
  if (/Version(Number)?$/.test(name)) return '1';
  const { identifier } = identity.schema;
  if (identifier.length === 1 && identifier[0] === name) return physicalIdOf(identity);
  if (/A(rn|RN)$/.test(name)) return arnOf(identity);
  if (/(DnsName|DNSName|DomainName|Address|Endpoint|Url|URL)$/.test(name)) return address(identity, name);
  if (/I[dD]$/.test(name)) return idOf(identity, name);
  return nameOf(identity);
}

const PORTS: [RegExp, string][] = [
  [/mysql|mariadb/, '3306'],
  [/postgres/, '5432'],
  [/redis|valkey/, '6379'],
];

const SPECIAL: Record<string, (identity: Identity) => Json | undefined> = {
  'Endpoint.Port': (identity) => {
    const engine = given(identity, 'Engine') ?? '';
    return given(identity, 'Port') ?? PORTS.find(([pattern]) => pattern.test(engine))?.[1] ?? '5432';
  },
  'ReadEndpoint.Address': (identity) => databaseAddress(identity, 'cluster-ro'),
  'Endpoint.Address': (identity) =>
    identity.schema.type === 'AWS::ElastiCache::ServerlessCache'
      ? cacheAddress(identity)
      : databaseAddress(identity, 'cluster'),
  'MasterUserSecret.SecretArn': (identity) => {
    const { partition, region, account } = identity.place;
    return `arn:${partition}:secretsmanager:${region}:${account}:secret:rds!${nameOf(identity)}-${digits(identity, 'secret', 6)}`;
  },
  LoadBalancerFullName: loadBalancerPath,
  TargetGroupFullName: (identity) => `targetgroup/${nameOf(identity)}/${digits(identity, 'arn', 16)}`,
  RepositoryUri: (identity) => {
    const { account, region, urlSuffix } = identity.place;
    return `${account}.dkr.ecr.${region}.${urlSuffix}/${nameOf(identity)}`;
  },
  QueueUrl: queueUrl,
  DefaultSecurityGroup: (identity) => `sg-0${digits(identity, 'default-sg', 16)}`,
  DefaultNetworkAcl: (identity) => `acl-0${digits(identity, 'default-acl', 16)}`,
  PublicIp: (identity) => (identity.schema.type === 'AWS::EC2::EIP' ? physicalIdOf(identity) : undefined),
  PrivateIp: (identity) => `10.0.${octet(identity, 'third')}.${octet(identity, 'fourth')}`,
  GroupId: (identity) => physicalIdOf(identity),
  Arn: (identity) => {
    const { type, identifier } = identity.schema;
    if (type === 'AWS::Logs::LogGroup') return `${arnOf(identity)}:*`;
    return identifier[0] === 'Arn' ? undefined : arnOf(identity);
  },
};

function octet(identity: Identity, purpose: string): string {
  return String(Number.parseInt(digits(identity, purpose, 2), 16));
}

function databaseAddress(identity: Identity, kind: string): string {
  const { region, urlSuffix } = identity.place;
  const cluster = identity.schema.type.endsWith('Cluster') ? `.${kind}-` : '.';
  return `${nameOf(identity)}${cluster}${digits(identity, 'address', 12)}.${region}.rds.${urlSuffix}`;
}

/** `shop-0a1b2c.serverless.apne1.cache.amazonaws.com`, as in https://github.com/phpredis/phpredis/issues/2724 */
function cacheAddress(identity: Identity): string {
  const { region, urlSuffix } = identity.place;
  const [area = '', direction = '', number = ''] = region.split('-');
  const compass = direction.match(/north|south|east|west|central/g) ?? [];
  const short = area + compass.map((word) => word.slice(0, 1)).join('') + number;
  return `${nameOf(identity)}-${digits(identity, 'address', 6)}.serverless.${short}.cache.${urlSuffix}`;
}

function address(identity: Identity, name: string): string {
  const { region, urlSuffix } = identity.place;
  const [, service = ''] = identity.schema.type.split('::');
  const host = nameOf(identity).toLowerCase();
  if (service === 'S3') return bucketAddress(host, name, identity);
  if (service === 'CloudFront') return `d${digits(identity, 'address', 13)}.cloudfront.net`;
  const label = service === 'ElasticLoadBalancingV2' ? 'elb' : service.toLowerCase();
  const domain = service === 'ElasticLoadBalancingV2' ? `${region}.${label}` : `${label}.${region}`;
  const text = `${host}-${String(Number.parseInt(digits(identity, 'address', 8), 16))}.${domain}.${urlSuffix}`;
  return /U(rl|RL)$|^ApiEndpoint$/.test(name) ? `https://${text}` : text;
}

function bucketAddress(bucket: string, name: string, identity: Identity): string {
  const { region, urlSuffix } = identity.place;
  if (name === 'WebsiteURL') return `http://${bucket}.s3-website-${region}.${urlSuffix}`;
  if (name === 'RegionalDomainName') return `${bucket}.s3.${region}.${urlSuffix}`;
  if (name === 'DualStackDomainName') return `${bucket}.s3.dualstack.${region}.${urlSuffix}`;
  return `${bucket}.s3.${urlSuffix}`;
}

function listAttribute(identity: Identity, name: string): Json[] {
  if (name === 'NameServers')
    return [0, 1, 2, 3].map((index) => `ns-${digits(identity, String(index), 3)}.awsdns-0${index}.com`);
  if (name === 'Ipv6CidrBlocks')
    return [`2001:db8:${digits(identity, name, 4)}:${digits(identity, 'v6', 2)}00::/56`];
  if (name === 'SecurityGroups') return (identity.properties.SecurityGroups as Json[] | undefined) ?? [];
  return ['1', '2'].map((number) => {
    if (/Ip(s|Addresses)$/.test(name))
      return `10.0.${octet(identity, name)}.${octet(identity, name + number)}`;
    if (/DnsEntries$/.test(name))
      return `Z${digits(identity, 'zone', 13).toUpperCase()}:${number}.${physicalIdOf(identity)}`;
    if (/NetworkInterfaceIds$/.test(name)) return `eni-0${digits(identity, name + number, 16)}`;
    return `${nameOf(identity)}-${name}-${number}`;
  });
}
