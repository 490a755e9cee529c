import { textOf } from '../../../scripts/templates/template.ts';
import type { Json, JsonMap, Resource } from '../../../scripts/templates/template.ts';
import { finding } from './platform.ts';
import type { PlatformStack, Rule } from './platform.ts';

const ZONES = 3;
/** Environments in which the loss of a zone may not stop anything. */
const SURVIVES = new Set(['prod']);
/** Environments in which a database, and a service, has something to fall back to. */
const REDUNDANT = new Set(['staging', 'prod']);

/**
 * What docs/reference/templates.md promises about zones: every tier is in three of them, services and the load balancer use them
 * all, tasks are spread again after a zone was lost, and no deployment goes below the tasks that there must be. In prod,
 * each zone has its own way out.
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
    // A preview has one task and is nobody's production.
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

/** A list of subnets that is given as a whole has one of each zone. */
function inAllZones(subnets: Json | undefined): string[] {
  return Array.isArray(subnets) && subnets.length >= ZONES ? [] : [`it is not in ${ZONES} zones`];
}

/** The subnets of vpc.yml by tier: `PublicSubnet1` is of the tier Public. */
function tiersOf({ resolved }: PlatformStack): { tier: string; zones: number }[] {
  const tiers = new Map<string, Set<string>>();
  for (const [id, { Type, Properties }] of Object.entries(resolved.resources)) {
    if (Type !== 'AWS::EC2::Subnet') continue;
    const tier = id.replace(/Subnet\d$/, '');
    tiers.set(tier, (tiers.get(tier) ?? new Set()).add(textOf(Properties?.AvailabilityZone)));
  }
  return [...tiers].map(([tier, zones]) => ({ tier, zones: zones.size }));
}

/** Each private route table leaves through a gateway of its own, in a zone of its own. */
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
  // A restored cluster is deleted once it was checked.
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
