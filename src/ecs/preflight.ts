import { DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import type { Service } from '@aws-sdk/client-ecs';
import { send } from '../aws/send.ts';
import type { EcsContext } from './service.ts';
import type { TaskDefinition } from './task-definition/task-definition.ts';

/** A problem that would make a deployment fail, or a check that was not possible. */
export interface PreflightFinding {
  /** An error stops the deployment before anything is changed. A note is about a check with an optional permission. */
  level: 'error' | 'warning' | 'note';
  message: string;
  /** Absent if there is nothing to do, or no known fix. */
  fix?: string;
}

/**
 * Memory in MiB for each CPU value on Fargate: minimum, maximum, step.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
 */
const FARGATE: Readonly<Record<string, readonly (readonly [number, number, number])[]>> = {
  256: [
    [512, 512, 512],
    [1024, 2048, 1024],
  ],
  512: [[1024, 4096, 1024]],
  1024: [[2048, 8192, 1024]],
  2048: [[4096, 16384, 1024]],
  4096: [[8192, 30720, 1024]],
  8192: [[16384, 61440, 4096]],
  16384: [[32768, 122880, 8192]],
  // Since 2026.
  32768: [
    [61440, 61440, 1],
    [122880, 122880, 1],
    [249856, 249856, 1],
  ],
};

/** Findings for a CPU and memory combination that Fargate is not known to support. A warning, because AWS adds sizes. */
export function sizeFindings({
  cpu,
  memory,
  requiresCompatibilities = [],
}: TaskDefinition): PreflightFinding[] {
  if (!requiresCompatibilities.includes('FARGATE')) return [];
  const ranges = FARGATE[cpu ?? ''];
  if (!ranges) {
    const message = `Fargate is not known to have tasks of CPU ${cpu ?? '(none)'}.`;
    return [{ level: 'warning', message, fix: `Use one of ${Object.keys(FARGATE).join(', ')}.` }];
  }
  const mib = Number(memory);
  if (ranges.some(([low, high, step]) => mib >= low && mib <= high && (mib - low) % step === 0)) return [];
  const allowed = ranges.map(([low, high, step]) =>
    low === high ? `${low}` : `${low} to ${high} in steps of ${step}`,
  );
  const message = `Fargate is not known to support CPU ${cpu ?? ''} with memory ${memory ?? '(none)'}.`;
  return [{ level: 'warning', message, fix: `Use memory ${allowed.join(', or ')}.` }];
}

/** Findings for containers with a higher memory limit than their task. */
export function containerMemoryFindings({
  memory,
  containerDefinitions,
}: TaskDefinition): PreflightFinding[] {
  if (memory === undefined) return [];
  return containerDefinitions
    .filter((container) => (container.memory ?? 0) > Number(memory))
    .map((container) =>
      error(
        `The container ${container.name} has a memory limit of ${container.memory ?? 0} MiB, but its task has only ${memory} MiB.`,
        "Increase the task's memory (input memory), or lower the container's limit.",
      ),
    );
}

/** Findings for a container or port of the load balancer that the task definition does not have. */
export function portFindings(
  { loadBalancers = [] }: Service,
  definition: TaskDefinition,
): PreflightFinding[] {
  return loadBalancers.flatMap(({ containerName = '', containerPort }) => {
    const container = definition.containerDefinitions.find(({ name }) => name === containerName);
    if (!container) {
      const names = definition.containerDefinitions.map(({ name }) => name).join(', ');
      return [
        error(
          `The load balancer sends requests to the container ${containerName}, but the task definition has ${names}.`,
          'Keep the container name, or change the service first.',
        ),
      ];
    }
    const ports = (container.portMappings ?? []).map((port) => port.containerPort);
    if (containerPort === undefined || ports.includes(containerPort)) return [];
    return [
      error(
        `The load balancer sends requests to port ${containerPort} of the container ${containerName}, which ${ports.length === 0 ? 'exposes no port' : `exposes ${ports.join(', ')}`}.`,
        `Add containerPort ${containerPort} to its portMappings, or change the service and its target group first.`,
      ),
    ];
  });
}

/** Findings for log groups that do not exist. */
export async function logGroupFindings(
  context: EcsContext,
  { containerDefinitions }: TaskDefinition,
): Promise<PreflightFinding[]> {
  const groups = containerDefinitions.flatMap(({ logConfiguration }) => {
    const {
      'awslogs-group': group,
      'awslogs-create-group': creates,
      'awslogs-region': region,
    } = logConfiguration?.options ?? {};
    const own = region === undefined || region === context.region;
    return logConfiguration?.logDriver === 'awslogs' && creates !== 'true' && own ? (group ?? []) : [];
  });
  const client = await context.logs();
  const findings = await Promise.all(
    [...new Set(groups)].map(async (group) => {
      const command = new DescribeLogGroupsCommand({ logGroupNamePrefix: group, limit: 50 });
      const { logGroups = [] } = await send(client, command, context);
      if (logGroups.some(({ logGroupName }) => logGroupName === group)) return [];
      return [
        error(
          `The log group ${group} does not exist.`,
          'Create it, or correct awslogs-group in the task definition.',
        ),
      ];
    }),
  );
  return findings.flat();
}

/** Findings for roles in another account than the service's, which ECS cannot assume. */
export function roleFindings({ serviceArn = '' }: Service, definition: TaskDefinition): PreflightFinding[] {
  const account = serviceArn.split(':')[4] ?? '';
  return (['executionRoleArn', 'taskRoleArn'] as const).flatMap((field) => {
    const role = definition[field];
    const other = /^arn:[^:]+:iam::(\d{12}):/.exec(role ?? '')?.[1];
    if (role === undefined || other === undefined || other === account) return [];
    return [
      error(`The ${field} ${role} is not in the service's account.`, 'Use a role in the same account.'),
    ];
  });
}

function error(message: string, fix: string): PreflightFinding {
  return { level: 'error', message, fix };
}
