import { createHash } from 'node:crypto';
import { arnOf } from './arn.ts';
import type { Json, JsonObject } from './json.ts';
import { isScalar } from './json.ts';
import type { ResourceSchema } from './schema.ts';

/** Where a resource is made, and by which stack. */
export interface Place {
  account: string;
  region: string;
  partition: string;
  urlSuffix: string;
  stackName: string;
  stackId: string;
}

/** One resource as it was made. Its ids and attributes all follow from these, so that none need be kept. */
export interface Identity {
  schema: ResourceSchema;
  logicalId: string;
  properties: JsonObject;
  /** 12 letters and digits that no other resource has. */
  unique: string;
  /** For task definitions: the revision of their family. */
  revision?: number;
  place: Place;
}

const NAME_ALPHABET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** The suffix that makes a generated name its own. */
export function newUnique(random: { text(length: number, alphabet?: string): string }): string {
  return random.text(12, NAME_ALPHABET);
}

/** Prefixes of the ids that EC2 and a few others give. */
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

/** Hexadecimal digits that always belong to this resource and this purpose. */
export function digits(identity: Identity, purpose: string, length: number): string {
  const seed = `${identity.place.stackId}/${identity.logicalId}/${identity.unique}/${purpose}`;
  return createHash('sha256').update(seed).digest('hex').slice(0, length);
}

export function uuidOf(identity: Identity, purpose: string): string {
  const hex = digits(identity, purpose, 32);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join('-');
}

/** The text of a property, when it was given. */
export function given(identity: Identity, property: string): string | undefined {
  const value: Json | undefined = identity.properties[property];
  return isScalar(value) ? String(value) : undefined;
}

/** The name that was given, or the one that CloudFormation makes up: stack, logical id, and 12 characters. */
export function nameOf(identity: Identity): string {
  const { schema, logicalId, unique, place } = identity;
  const custom = nameProperty(schema);
  const chosen = custom === undefined ? undefined : given(identity, custom);
  if (chosen !== undefined) return chosen;
  if (schema.type.startsWith('AWS::ElasticLoadBalancing')) {
    return `${place.stackName.slice(0, 6)}-${logicalId.slice(0, 12)}-${unique}`;
  }
  const name = `${place.stackName.slice(0, 24)}-${logicalId.slice(0, 24)}-${unique}`;
  return LOWER_CASE.test(schema.type) ? name.toLowerCase() : name;
}

/** The property that sets a resource's name; undefined when it has none. */
export function nameProperty(schema: ResourceSchema): string | undefined {
  const kind = schema.type.split('::').at(-1) ?? '';
  const candidates = [...schema.identifier, `${kind}Name`, 'Name', `${kind}Identifier`, 'Family'];
  const settable = candidates.filter((property) => property in schema.properties);
  return settable.find((property) => /(Name|Identifier|Family)$/.test(property));
}

/** What `Ref` gives. */
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
  if (/Arn$/.test(part)) return arnOf(identity);
  if (part === 'PublicIp') return `203.0.113.${String(Number.parseInt(digits(identity, 'ip', 2), 16))}`;
  if (part === 'QueueUrl') return queueUrl(identity);
  if (/Id$/.test(part)) return idOf(identity, part);
  return nameOf(identity);
}

export function queueUrl(identity: Identity): string {
  const { region, account, urlSuffix } = identity.place;
  return `https://sqs.${region}.${urlSuffix}/${account}/${nameOf(identity)}`;
}

/** An id as its service writes it. */
export function idOf(identity: Identity, part: string): string {
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
  return own ? nameOf(identity) : digits(identity, part, 17);
}
