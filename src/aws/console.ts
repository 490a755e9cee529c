import { partitionOf } from './partition.ts';

const DOMAINS: Readonly<Record<string, string>> = {
  'aws-cn': 'console.amazonaws.cn',
  'aws-us-gov': 'console.amazonaws-us-gov.com',
};

/** The URL of an ECS service in the AWS console. */
export function servicePage(region: string, cluster: string, service: string): string {
  return `${consoleOf(region)}/ecs/v2/clusters/${cluster}/services/${service}/deployments?region=${region}`;
}

/** The URL of an ECS cluster in the AWS console. */
export function clusterPage(region: string, cluster: string): string {
  return `${consoleOf(region)}/ecs/v2/clusters/${cluster}/services?region=${region}`;
}

/** The URL of a stack in the AWS console, by name: its ARN contains the account id, which GitHub may mask. */
export function stackPage(region: string, stackName: string): string {
  return `${consoleOf(region)}/cloudformation/home?region=${region}#/stacks?filteringText=${encodeURIComponent(stackName)}`;
}

function consoleOf(region: string): string {
  return `https://${region}.${DOMAINS[partitionOf(region).id] ?? 'console.aws.amazon.com'}`;
}
