import type { Json, Resource } from '../../../scripts/templates/template.ts';
import { finding } from './platform.ts';
import type { Rule } from './platform.ts';
import { references } from './references.ts';

const ROUTES = new Set([
  'AWS::ElasticLoadBalancingV2::ListenerRule',
  'AWS::ElasticLoadBalancingV2::Listener',
]);

/** A service waits for the rule that attaches its target group to a load balancer, because ECS refuses one without. */
export const servicesWaitForRoutes: Rule = (stacks) =>
  stacks.flatMap((stack) => {
    const { resources } = stack.resolved;
    const routed = (id: string, groups: Set<string>) => {
      const route = resources[id];
      if (!route || !ROUTES.has(route.Type)) return false;
      return [...references(route.Properties)].some((name) => groups.has(name));
    };
    return Object.entries(resources)
      .filter(
        ([, { Type, Properties }]) => Type === 'AWS::ECS::Service' && hasTargets(Properties?.LoadBalancers),
      )
      .filter(([, service]) => {
        const groups = references(service.Properties?.LoadBalancers);
        return !waitsFor(service).some((id) => routed(id, groups));
      })
      .map(([id]) =>
        finding('target-groups', stack, 'it does not wait for the rule of its target group', id),
      );
  });

const hasTargets = (balancers: Json | undefined): boolean => Array.isArray(balancers) && balancers.length > 0;

const waitsFor = ({ DependsOn = [], Properties }: Resource): string[] => [
  ...[DependsOn].flat(),
  ...references(Properties),
];
