import { partitionOf } from './partition.ts';

const DOMAINS: Readonly<Record<string, string>> = {
  'aws-cn': 'console.amazonaws.cn',
  'aws-us-gov': 'console.amazonaws-us-gov.com',
};

/** A page of a service in the console. */
export function servicePage(region: string, cluster: string, service: string): string {
  return `${consoleOf(region)}/ecs/v2/clusters/${cluster}/services/${service}/deployments?region=${region}`;
}

/** The page of a cluster of ECS in the console. */
export function clusterPage(region: string, cluster: string): string {
  return `${consoleOf(region)}/ecs/v2/clusters/${cluster}/services?region=${region}`;
}

/** The page of a stack in the console, found by its name: its ARN has the account's id, which GitHub may mask. */
export function stackPage(region: string, stackName: string): string {
  return `${consoleOf(region)}/cloudformation/home?region=${region}#/stacks?filteringText=${encodeURIComponent(stackName)}`;
}

function consoleOf(region: string): string {
  return `https://${region}.${DOMAINS[partitionOf(region).id] ?? 'console.aws.amazon.com'}`;
}
