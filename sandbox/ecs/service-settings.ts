import { isDeepStrictEqual } from 'node:util';
import { loadBalancingOf } from '../elb/load-balancing.ts';
import type { Input } from '../service.ts';
import { listOf } from '../service.ts';
import type { Ecs } from './ecs.ts';
import { usableTaskDefinition } from './lookup.ts';
import type { DeploymentConfiguration, Given, LoadBalancer, RevisionSettings } from './model.ts';
import { invalidParameter } from './refusals.ts';

/** Besides the task definition, the load balancers and the network: what makes another revision. */
const OF_A_REVISION = [
  'capacityProviderStrategy',
  'launchType',
  'platformVersion',
  'serviceConnectConfiguration',
  'serviceRegistries',
  'volumeConfigurations',
  'vpcLatticeConfigurations',
];

/** The settings that a request makes of those before it. Throws as ECS does. */
export function settingsOf(ecs: Ecs, input: Input, before?: RevisionSettings): RevisionSettings {
  const own: Given = Object.fromEntries(Object.entries(input).filter(([key]) => OF_A_REVISION.includes(key)));
  const network = input.networkConfiguration ?? before?.networkConfiguration;
  const settings: RevisionSettings = {
    taskDefinition:
      input.taskDefinition === undefined && before
        ? before.taskDefinition
        : usableTaskDefinition(ecs, input.taskDefinition),
    loadBalancers:
      input.loadBalancers === undefined && before
        ? before.loadBalancers
        : (listOf(input.loadBalancers) as LoadBalancer[]),
    ...(network !== undefined && { networkConfiguration: network }),
    given: { ...before?.given, ...own },
  };
  checkNetwork(settings);
  for (const balancer of settings.loadBalancers) checkBalancer(ecs, settings, balancer);
  return settings;
}

export function sameSettings(one: RevisionSettings, other: RevisionSettings): boolean {
  return isDeepStrictEqual(
    { ...one, taskDefinition: one.taskDefinition.arn },
    { ...other, taskDefinition: other.taskDefinition.arn },
  );
}

function checkNetwork({ taskDefinition, networkConfiguration }: RevisionSettings): void {
  if (taskDefinition.given['networkMode'] !== 'awsvpc' || networkConfiguration) return;
  throw invalidParameter("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
}

function checkBalancer(ecs: Ecs, { taskDefinition }: RevisionSettings, balancer: LoadBalancer): void {
  const { targetGroupArn = '', containerName = '', containerPort = 0 } = balancer;
  const container = taskDefinition.containers.find(({ name }) => name === containerName);
  if (!container)
    throw invalidParameter(`The container ${containerName} does not exist in the task definition.`);
  if (!container.portMappings?.some((port) => port.containerPort === containerPort)) {
    throw invalidParameter(
      `The container ${containerName} did not have a container port ${containerPort} defined.`,
    );
  }
  const elb = loadBalancingOf(ecs.world, ecs.account, ecs.region);
  if (!elb.targetGroups.has(targetGroupArn)) {
    throw invalidParameter(`The target group ${targetGroupArn} does not exist.`);
  }
  if (elb.loadBalancersOf(targetGroupArn).length === 0) {
    throw invalidParameter(
      `The target group with targetGroupArn ${targetGroupArn} does not have an associated load balancer.`,
    );
  }
}

/** The old configuration with the new one's members over it. */
export function configurationOf(input: Input, before: DeploymentConfiguration = {}): DeploymentConfiguration {
  return { ...before, ...(input.deploymentConfiguration as DeploymentConfiguration | undefined) };
}
