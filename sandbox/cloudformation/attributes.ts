import { arnOf, loadBalancerPath } from './arn.ts';
import type { Identity } from './identity.ts';
import { digits, given, idOf, nameOf, physicalIdOf, queueUrl } from './identity.ts';
import type { Json } from './json.ts';

/** What `Fn::GetAtt` gives: the property of that name, or a value such as the service would answer. */
export function attributeOf(identity: Identity, name: string): Json {
  const set = identity.properties[name];
  if (set !== undefined) return set;
  const kind = identity.schema.attributes[name];
  if (kind === 'array') return listAttribute(identity, name);
  if (kind === 'boolean') return false;
  const known = SPECIAL[name]?.(identity);
  if (known !== undefined) return known;
  if (kind === 'integer' || kind === 'number') return 1;
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
  'Endpoint.Address': (identity) => databaseAddress(identity, 'cluster'),
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
  return [`${nameOf(identity)}-${name}`];
}
