import type { AwsVpcConfiguration, LaunchType, RunTaskRequest, Service } from '@aws-sdk/client-ecs';
import { InputError } from '../../core/errors.ts';
import type { TaskDefinition } from '../task-definition/task-definition.ts';

/** Network and capacity of a one-off task. */
export type TaskPlacement = Pick<
  RunTaskRequest,
  | 'capacityProviderStrategy'
  | 'launchType'
  | 'networkConfiguration'
  | 'placementConstraints'
  | 'placementStrategy'
  | 'platformVersion'
>;

/** Settings that override the service's. */
export interface PlacementChoice {
  subnets?: readonly string[];
  securityGroups?: readonly string[];
  assignPublicIp?: boolean;
  launchType?: LaunchType;
}

/**
 * The placement of a one-off task: that of the service's tasks, with the given overrides.
 *
 * @throws InputError for a network that the task definition does not support, or a missing one.
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
 */
export function placementOf(
  service: Service | undefined,
  definition: TaskDefinition,
  choice: PlacementChoice = {},
): TaskPlacement {
  return {
    ...capacityOf(service, definition, choice),
    ...networkOf(service, definition, choice),
  };
}

function capacityOf(
  service: Service | undefined,
  { requiresCompatibilities = [] }: TaskDefinition,
  choice: PlacementChoice,
): TaskPlacement {
  if (choice.launchType !== undefined) return { launchType: choice.launchType };
  // Without a launch type, a cluster without a default capacity provider strategy uses EC2.
  if (!service) {
    const isFargate = requiresCompatibilities.length === 1 && requiresCompatibilities[0] === 'FARGATE';
    return isFargate ? { launchType: 'FARGATE' } : {};
  }
  const { capacityProviderStrategy: providers = [], launchType, platformVersion } = service;
  const { placementConstraints: constraints = [], placementStrategy: strategy = [] } = service;
  return {
    // "If a capacityProviderStrategy is specified, the launchType parameter must be omitted": API_RunTask.
    ...(providers.length > 0 ? { capacityProviderStrategy: providers } : launchType && { launchType }),
    ...(platformVersion !== undefined && { platformVersion }),
    ...(constraints.length > 0 && { placementConstraints: constraints }),
    ...(strategy.length > 0 && { placementStrategy: strategy }),
  };
}

/**
 * ECS rejects a network for any mode except awsvpc: "Network Configuration is not valid for the given networkMode of
 * this task definition." The default mode is `bridge`.
 *
 * @see https://github.com/aws-actions/amazon-ecs-deploy-task-definition/issues/616
 */
function networkOf(
  service: Service | undefined,
  { family, networkMode = 'bridge' }: TaskDefinition,
  { subnets, securityGroups, assignPublicIp }: PlacementChoice,
): TaskPlacement {
  const given: Partial<AwsVpcConfiguration> = {
    ...(subnets && { subnets: [...subnets] }),
    ...(securityGroups && { securityGroups: [...securityGroups] }),
    ...(assignPublicIp !== undefined && { assignPublicIp: assignPublicIp ? 'ENABLED' : 'DISABLED' }),
  };
  if (networkMode !== 'awsvpc') {
    const [input] = Object.entries({
      subnets,
      'security-groups': securityGroups,
      'assign-public-ip': assignPublicIp,
    }).filter(([, value]) => value !== undefined);
    if (!input) return {};
    const expected = `expected no value, because ${family} has the network mode ${networkMode}` as const;
    throw new InputError(input[0], String(input[1]), `${expected}. Its tasks do not have their own network`);
  }
  const merged = { ...service?.networkConfiguration?.awsvpcConfiguration, ...given };
  if (merged.subnets === undefined || merged.subnets.length === 0) {
    throw new InputError('subnets', '', `expected subnets, because ${family} has the network mode awsvpc`);
  }
  return { networkConfiguration: { awsvpcConfiguration: { ...merged, subnets: merged.subnets } } };
}
