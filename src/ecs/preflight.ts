import { DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import type { Service } from '@aws-sdk/client-ecs';
import { send } from '../aws/send.ts';
import type { EcsContext } from './service.ts';
import type { TaskDefinition } from './task-definition/task-definition.ts';

/** What would make a deployment fail, or could not be checked. */
export interface PreflightFinding {
  /** An error stops the deployment before anything is changed. A note is about a check that needs an optional right. */
  level: 'error' | 'warning' | 'note';
  message: string;
  /** Absent where there is nothing to do, or nothing that is known to help. */
  fix?: string;
}

/**
 * Memory in MiB that goes with each CPU on Fargate: lowest, highest, step.
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

/** A pair of CPU and memory that is not known to exist on Fargate: a warning, as AWS adds sizes and decides. */
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
  const message = `Fargate is not known to have tasks of CPU ${cpu ?? ''} with memory ${memory ?? '(none)'}.`;
  return [{ level: 'warning', message, fix: `Use memory ${allowed.join(', or ')}.` }];
}

/** Containers that ask for more memory than their task has. */
export function containerMemoryFindings({
  memory,
  containerDefinitions,
}: TaskDefinition): PreflightFinding[] {
  if (memory === undefined) return [];
  return containerDefinitions
    .filter((container) => (container.memory ?? 0) > Number(memory))
    .map((container) =>
      error(
        `The container ${container.name} has a limit of ${container.memory ?? 0} MiB, and its task has ${memory}.`,
        "Give the task more memory (input memory), or lower the container's limit.",
      ),
    );
}

/** The port that the service sends requests to must be a port of the container. */
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
          `The load balancer sends requests to the container ${containerName}, and the task definition has ${names}.`,
          'Keep the name of the container, or change the service first.',
        ),
      ];
    }
    const ports = (container.portMappings ?? []).map((port) => port.containerPort);
    if (containerPort === undefined || ports.includes(containerPort)) return [];
    return [
      error(
        `The load balancer sends requests to port ${containerPort} of the container ${containerName}, which opens ${ports.join(', ') || 'none'}.`,
        `Add containerPort ${containerPort} to its portMappings, or change the service and its target group first.`,
      ),
    ];
  });
}

/** Log groups that no task could write to. */
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

/** Roles of another account than the cluster's, which ECS can never assume. */
export function roleFindings({ serviceArn = '' }: Service, definition: TaskDefinition): PreflightFinding[] {
  const account = serviceArn.split(':')[4] ?? '';
  return (['executionRoleArn', 'taskRoleArn'] as const).flatMap((field) => {
    const role = definition[field];
    const other = /^arn:[^:]+:iam::(\d{12}):/.exec(role ?? '')?.[1];
    if (role === undefined || other === undefined || other === account) return [];
    return [
      error(
        `The ${field} ${role} is a role of another account than the service.`,
        'Name a role of the same account.',
      ),
    ];
  });
}

/** What a finding that stops the deployment is. */
function error(message: string, fix: string): PreflightFinding {
  return { level: 'error', message, fix };
}
