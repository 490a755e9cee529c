import type { Identity } from './identity.ts';
import { digits, given, idOf, nameOf, uuidOf } from './identity.ts';

/** Services whose name in ARNs is not the namespace of their types in lower case. */
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

/** The rest of the ARN, for types whose specification has no template of it. */
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

/** Types whose ARN goes on from another resource's. */
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

/** The ARN of a resource, in its service's own form as far as the specification or the tables above know it. */
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

/** `app/<name>/<digits>`, which load balancers call their full name. */
export function loadBalancerPath(identity: Identity): string {
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
