import { textOf } from '../../../scripts/templates/template.ts';
import type { Json, JsonMap } from '../../../scripts/templates/template.ts';
import { finding } from './platform.ts';
import type { PlatformStack, Rule } from './platform.ts';

interface Port {
  stack: PlatformStack;
  resource: string;
  port: string;
}

/** The container, its target groups, its service and the security groups use the same port. */
export const onePort: Rule = (stacks) => {
  const opened = stacks.flatMap(openedPorts);
  return stacks.flatMap((stack) => {
    const ports = servicePorts(stack);
    const [first] = ports;
    if (!first) return [];
    const apart = ports.filter(({ port }) => port !== first.port);
    const findings = apart.map(({ resource, port }) =>
      finding('ports', stack, `${resource} has port ${port}, ${first.resource} has ${first.port}`, resource),
    );
    if (opened.length > 0 && !opened.some(({ port }) => port === first.port)) {
      const message = `port ${first.port} is not opened from the load balancer to the services`;
      findings.push(finding('ports', stack, message, first.resource));
    }
    return findings;
  });
};

function servicePorts(stack: PlatformStack): Port[] {
  return Object.entries(stack.resolved.resources).flatMap(([resource, { Type, Properties = {} }]) => {
    const at = (port: Json | undefined): Port[] =>
      port === undefined ? [] : [{ stack, resource, port: textOf(port) }];
    switch (Type) {
      case 'AWS::ECS::TaskDefinition':
        return list(Properties.ContainerDefinitions).flatMap((container) =>
          list(container.PortMappings).flatMap(({ ContainerPort }) => at(ContainerPort)),
        );
      case 'AWS::ECS::Service':
        return list(Properties.LoadBalancers).flatMap(({ ContainerPort }) => at(ContainerPort));
      case 'AWS::ElasticLoadBalancingV2::TargetGroup':
        return at(Properties.Port);
      default:
        return [];
    }
  });
}

/** Ingress from another group, except on the database's side. */
function openedPorts(stack: PlatformStack): Port[] {
  return Object.entries(stack.resolved.resources).flatMap(([resource, { Type, Properties = {} }]) => {
    const isRule =
      Type === 'AWS::EC2::SecurityGroupIngress' && Properties.SourceSecurityGroupId !== undefined;
    return isRule ? [{ stack, resource, port: textOf(Properties.FromPort) }] : [];
  });
}

const list = (value: Json | undefined): JsonMap[] => (Array.isArray(value) ? (value as JsonMap[]) : []);
