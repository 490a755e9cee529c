import { textOf } from '../../../scripts/templates/template.ts';
import type { Json, JsonMap, Resource } from '../../../scripts/templates/template.ts';
import { finding } from './platform.ts';
import type { PlatformStack, Rule } from './platform.ts';

const ZONES = 3;
/** Environments that must survive the loss of a zone. */
const SURVIVES = new Set(['prod']);
/** Environments in which a database and a service have a standby. */
const REDUNDANT = new Set(['staging', 'prod']);

/**
 * The promises of docs/reference/templates.md about zones: every tier is in three of them, services and the load
 * balancer use all, tasks are redistributed after the loss of a zone, and no deployment goes below the minimum number
 * of tasks. In prod, each zone has its own NAT gateway.
 */
export const survivesZones: Rule = (stacks) =>
  stacks.flatMap((stack) => {
    const complain = (id: string, message: string) => finding('availability', stack, message, id);
    return [
      ...tiersOf(stack).flatMap(({ tier, zones }) =>
        zones === ZONES ? [] : [complain(tier, `the tier is in ${zones} zones`)],
      ),
      ...Object.entries(stack.resolved.resources).flatMap(([id, resource]) =>
        (RULES[resource.Type]?.(resource.Properties ?? {}, stack) ?? []).map((message) =>
          complain(id, message),
        ),
      ),
      ...natFindings(stack).map((message) => complain('NatGateway', message)),
      ...instanceFindings(stack).map((message) => complain('Cluster', message)),
    ];
  });

const RULES: Record<string, (properties: JsonMap, stack: PlatformStack) => string[]> = {
  'AWS::ECS::Service': (properties, stack) => {
    const { AvailabilityZoneRebalancing: rebalancing, DeploymentConfiguration } = properties;
    const { MinimumHealthyPercent = 0, MaximumPercent = 0 } = (DeploymentConfiguration ?? {}) as JsonMap;
    const subnets = at(properties, 'NetworkConfiguration', 'AwsvpcConfiguration', 'Subnets');
    // A preview has one task and is not used in production.
    if (stack.template.name === 'preview') return [];
    return [
      ...(rebalancing === 'ENABLED' ? [] : ['its tasks are not spread again after a zone was lost']),
      ...(Number(MinimumHealthyPercent) >= 100
        ? []
        : ['a deployment may go below the tasks that there must be']),
      ...(Number(MaximumPercent) > 100 ? [] : ['a deployment has no room for new tasks']),
      ...inAllZones(subnets),
    ];
  },
  'AWS::ApplicationAutoScaling::ScalableTarget': ({ MinCapacity }, { environment, template }) =>
    REDUNDANT.has(environment) && template.name === 'fargate' && Number(MinCapacity) < 2
      ? ['one task has nothing to fall back to']
      : [],
  'AWS::ElasticLoadBalancingV2::LoadBalancer': ({ Subnets }) => inAllZones(Subnets),
};

/** A list of subnets given as a whole has one per zone. */
function inAllZones(subnets: Json | undefined): string[] {
  return Array.isArray(subnets) && subnets.length >= ZONES ? [] : [`it is not in ${ZONES} zones`];
}

/** The subnets of vpc.yml by tier: `PublicSubnet1` is in the tier Public. */
function tiersOf({ resolved }: PlatformStack): { tier: string; zones: number }[] {
  const tiers = new Map<string, Set<string>>();
  for (const [id, { Type, Properties }] of Object.entries(resolved.resources)) {
    if (Type !== 'AWS::EC2::Subnet') continue;
    const tier = id.replace(/Subnet\d$/, '');
    tiers.set(tier, (tiers.get(tier) ?? new Set()).add(textOf(Properties?.AvailabilityZone)));
  }
  return [...tiers].map(([tier, zones]) => ({ tier, zones: zones.size }));
}

/** Each private route table uses its own gateway, in its own zone. */
function natFindings(stack: PlatformStack): string[] {
  const gateways = ofType(stack, 'AWS::EC2::NatGateway');
  if (gateways.length === 0 || !SURVIVES.has(stack.environment)) return [];
  const subnets = new Set(gateways.map(({ Properties }) => textOf(Properties?.SubnetId)));
  const routes = ofType(stack, 'AWS::EC2::Route').filter(
    ({ Properties }) => Properties?.NatGatewayId !== undefined,
  );
  const used = new Set(routes.map(({ Properties }) => textOf(Properties?.NatGatewayId)));
  return subnets.size === ZONES && used.size === ZONES && routes.length === ZONES
    ? []
    : [`${routes.length} zones leave through ${used.size} gateways in ${subnets.size}`];
}

function instanceFindings(stack: PlatformStack): string[] {
  // A restored cluster is deleted after it was checked.
  if (stack.template.name === 'restore-drill') return [];
  if (!REDUNDANT.has(stack.environment) || ofType(stack, 'AWS::RDS::DBCluster').length === 0) return [];
  const instances = ofType(stack, 'AWS::RDS::DBInstance').length;
  return instances >= 2 ? [] : [`${instances} instance has nothing to fail over to`];
}

function ofType({ resolved }: PlatformStack, type: string): Resource[] {
  return Object.values(resolved.resources).filter(({ Type }) => Type === type);
}

function at(value: Json | undefined, ...path: string[]): Json | undefined {
  return path.reduce<Json | undefined>((found, key) => (found as JsonMap | undefined)?.[key], value);
}
