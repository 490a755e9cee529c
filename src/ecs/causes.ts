import type { FailedTask } from './tasks.ts';

/** The facts about a failed task that the causes are matched against. Any string may be empty. */
export interface Evidence extends Pick<FailedTask, 'stopCode' | 'stoppedReason' | 'container' | 'ranMs'> {
  /** The load balancer's reason code and description for the target's health. */
  target: string;
  /** The last lines of the container's log. */
  log: string;
  /** The task's CPU architecture: `X86_64` or `ARM64`. */
  architecture: string;
  /** The task's memory in MiB. */
  memory: string;
  /** The port that the load balancer sends requests to. */
  port: number | undefined;
  healthCheckPath: string;
}

export interface Explanation {
  cause: string;
  fix: string;
  /** AWS's own message, verbatim, because people search for it. Empty when AWS gave none. */
  awsMessage: string;
}

interface Cause {
  when: (evidence: Evidence) => boolean;
  cause: (evidence: Evidence) => string;
  fix: string | ((evidence: Evidence) => string);
}

const messageOf = ({ stoppedReason, container }: Evidence): string =>
  `${stoppedReason} ${container?.reason ?? ''}`;
const nameOf = ({ container }: Evidence): string => container?.name ?? 'the container';
const reasonMatches =
  (pattern: RegExp) =>
  (evidence: Evidence): boolean =>
    pattern.test(messageOf(evidence));

/** The port that the program logs it listens on; undefined when it is the port that requests are sent to. */
function otherPort({ log, port }: Evidence): number | undefined {
  if (port === undefined) return undefined;
  const ports = [...log.matchAll(/\blisten\w*\b[^\n]{0,60}?(?::|\bport["']?\s*[:=]?\s*)(\d{2,5})\b/gi)].map(
    (found) => Number(found[1]),
  );
  return ports.includes(port) ? undefined : ports.at(-1);
}

function portOf({ port }: Evidence): string {
  return port === undefined ? "the container's port" : `port ${port}`;
}

/** The action and the resource that IAM denied, from its message; `otherwise` when the message does not name them. */
function deniedTo(one: Evidence, otherwise: string): string {
  const [, action = otherwise, resource] =
    /perform: (\S+)(?: on resource: ([^\s,]+))?/.exec(messageOf(one)) ?? [];
  return resource === undefined ? action : `${action} on ${resource}`;
}

const healthChecks = /health checks/i;

/** The exit code of a container that ECS stopped and that did not exit within its stopTimeout (30 s by default). */
const KILLED = 137;

/** Adds that the container had to be killed, when ECS stopped the task and the container did not exit in time. */
function stopped(cause: string, one: Evidence): string {
  if (one.container?.exitCode !== KILLED) return cause;
  return `${cause}; ${nameOf(one)} did not exit within stopTimeout and was killed by SIGKILL (exit code 137)`;
}

/**
 * The first match is used. ECS's own reasons (`stopCode`, `stoppedReason`, a container's `reason`) come before exit codes:
 * 137 is SIGKILL from any sender, and means out of memory only if ECS reports `OutOfMemoryError`.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html (stopCode)
 * @see https://repost.aws/knowledge-center/ecs-task-stopped
 * @see https://repost.aws/knowledge-center/ecs-resolve-outofmemory-errors
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
 */
const CAUSES: readonly Cause[] = [
  {
    when: (one) =>
      /exec format error/i.test(`${messageOf(one)} ${one.log}`) ||
      reasonMatches(/no matching manifest|image Manifest does not contain descriptor matching platform/i)(
        one,
      ),
    cause: (one) => `The image of ${nameOf(one)} is not built for the CPU architecture ${one.architecture}`,
    fix: ({ architecture }) =>
      `Build the image for ${architecture === 'ARM64' ? 'linux/arm64' : 'linux/amd64'} (build-push-image: platforms), or set runtimePlatform.cpuArchitecture to the architecture of the image.`,
  },
  {
    // @see https://github.com/docker-archive/compose-cli/issues/853
    when: reasonMatches(/CannotPull\w*Error.*docker\.io\/.*pull access denied/is),
    cause: () => 'The image cannot be pulled: it does not exist on Docker Hub, or it is private',
    fix: 'Include the registry in the image name, for example 111111111111.dkr.ecr.eu-central-1.amazonaws.com/app:1.2. ECS pulls a name without a registry from Docker Hub.',
  },
  {
    when: reasonMatches(/CannotPull\w*Error.*invalid reference format/is),
    cause: () => 'The image cannot be pulled: its name is invalid',
    fix: 'Specify the image as registry/repository:tag or registry/repository@sha256:…, with a lowercase repository name.',
  },
  {
    when: reasonMatches(
      /CannotPull\w*Error.*(?:not found|manifest unknown|does not exist|repository .* not)/is,
    ),
    cause: () => 'The image cannot be pulled: it does not exist',
    fix: 'Push the image first, and check the account, the region, the repository, and the tag or digest in its name.',
  },
  {
    when: reasonMatches(/CannotPull\w*Error.*(?:denied|not authorized|unauthorized|AccessDenied|403)/is),
    cause: () => 'The image cannot be pulled: access denied',
    fix: 'Grant ecr:BatchGetImage, ecr:GetDownloadUrlForLayer and ecr:GetAuthorizationToken to the execution role. For an image in another account, the repository policy must allow it too.',
  },
  {
    when: reasonMatches(/CannotPull\w*Error.*(?:toomanyrequests|rate limit)/is),
    cause: () => "The image cannot be pulled: the registry's rate limit was reached",
    fix: 'Copy the image to ECR, or use an ECR pull through cache.',
  },
  {
    when: reasonMatches(/CannotPull\w*Error/i),
    cause: () => 'The image cannot be pulled: the registry is unreachable',
    fix: 'Give the subnets a route to ECR and S3 (a NAT gateway, or the VPC endpoints ecr.api, ecr.dkr and s3), and allow outbound traffic on port 443 in the security group.',
  },
  {
    // @see https://github.com/doctorray117/minecraft-ondemand/issues/12
    when: reasonMatches(/ResourceInitializationError.*logger args.*(?:AccessDenied|not authorized)/is),
    cause: () => 'The execution role has no permission to write the logs of the task',
    fix: (one) =>
      `Grant ${deniedTo(one, 'logs:CreateLogStream')} and logs:PutLogEvents to the execution role.`,
  },
  {
    // @see https://repost.aws/knowledge-center/ecs-unable-to-pull-secrets
    when: reasonMatches(/ResourceInitializationError.*ecr registry auth.*(?:AccessDenied|not authorized)/is),
    cause: () => 'The execution role has no permission to log in to ECR',
    fix: 'Grant ecr:GetAuthorizationToken on * to the execution role.',
  },
  {
    // @see https://github.com/GiamPy5/terraform-aws-directus/issues/10
    when: reasonMatches(/ResourceInitializationError.*Access to KMS is not allowed/is),
    cause: () => 'The execution role has no permission to decrypt a secret that the task needs',
    fix: 'Grant kms:Decrypt on the key of the secret to the execution role. The message names the secret.',
  },
  {
    when: reasonMatches(/ResourceInitializationError.*(?:AccessDenied|not authorized)/is),
    cause: () => 'The execution role has no permission to read a secret or parameter that the task needs',
    fix: (one) => {
      const denied = deniedTo(one, 'secretsmanager:GetSecretValue or ssm:GetParameters');
      return `Grant ${denied} to the execution role, and kms:Decrypt on the key that encrypts it.`;
    },
  },
  {
    when: reasonMatches(/ResourceInitializationError.*(?:log group|logger|awslogs)/is),
    cause: () => 'The logs of the task cannot be written',
    fix: 'Create the log group in the task definition, and check that the execution role has logs:CreateLogStream and logs:PutLogEvents.',
  },
  {
    // The ECS agent on EC2 instances reports "invalid parameters", Fargate "invalid ssm parameters".
    // @see https://github.com/aws/amazon-ecs-agent/blob/0d889be51811c05bf3c7bc482aed76e1384f5491/agent/ssm/ssm.go
    when: reasonMatches(
      /ResourceInitializationError.*(?:ResourceNotFound|can't find the specified secret|ParameterNotFound|invalid (?:ssm )?parameters|did not contain json key)/is,
    ),
    cause: () => 'A secret or parameter that the task needs does not exist',
    fix: 'Create it, or correct its ARN or JSON key in the task definition. The message names it.',
  },
  {
    when: reasonMatches(/ResourceInitializationError/i),
    cause: () => 'The task could not be initialized: an AWS service is unreachable',
    fix: 'Give the subnets a route to Secrets Manager, SSM, ECR and CloudWatch Logs (a NAT gateway or their VPC endpoints), and allow outbound traffic on port 443 in the security group.',
  },
  {
    when: reasonMatches(/InsufficientFreeAddresses|not (?:have )?enough free addresses/i),
    cause: () => 'The subnets have no free IP addresses',
    fix: 'Add subnets to the service, or free IP addresses. Each task uses one, and a deployment runs up to twice as many tasks.',
  },
  {
    when: reasonMatches(/reached the limit on the number of vCPUs|vCPU.*limit/i),
    cause: () => 'The account has reached its Fargate vCPU quota',
    fix: 'Request an increase in Service Quotas (Fargate On-Demand vCPU resource count), or deploy fewer tasks at the same time.',
  },
  {
    // Service event messages for tasks on EC2 instances.
    // @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
    when: reasonMatches(
      /no container instance met all of its requirements|No Container Instances were found/i,
    ),
    cause: () => 'No container instance in the cluster can run the task',
    fix: 'Add a container instance, or free the resource in the message (CPU, memory, a host port). With a static host port, a new task can start only after an old one has stopped: use hostPort 0, or a minimumHealthyPercent below 100.',
  },
  {
    when: reasonMatches(
      /Capacity is unavailable|RESOURCE:(?:CPU|MEMORY|ENI)|unable to place a task|Capacity provider/i,
    ),
    cause: () => 'No capacity is available for the tasks',
    fix: 'Retry later, add subnets in other Availability Zones, or add FARGATE to the capacity provider strategy if it has FARGATE_SPOT only.',
  },
  {
    when: (one) =>
      one.stopCode === 'SpotInterruption' || reasonMatches(/spot interruption|spot task was/i)(one),
    cause: (one) => stopped('AWS reclaimed the Spot capacity', one),
    fix: 'Deploy again, or use FARGATE for tasks that must not be interrupted.',
  },
  {
    // Task retirement on Fargate.
    // @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-maintenance.html
    when: reasonMatches(/performing maintenance on the underlying infrastructure|scheduled for retirement/i),
    cause: (one) => stopped('AWS retired the task for infrastructure maintenance', one),
    fix: 'Deploy again: the image is not the cause. Run at least two tasks, so that the service stays available when AWS retires one.',
  },
  {
    // "Host EC2 (instance i-…) terminated.", and the reasons for a drained or deregistered instance.
    when: (one) =>
      one.stopCode === 'TerminationNotice' ||
      reasonMatches(
        /Host EC2 \(instance|container instance is in DRAINING|instance deregistration forced|instance was deregistered/i,
      )(one),
    cause: (one) => stopped('The container instance of the task was stopped, drained or terminated', one),
    fix: 'Deploy again: the image is not the cause. If it happens often, check the Auto Scaling group and its capacity provider.',
  },
  {
    // Must precede the health checks: StopTask accepts any text as its reason.
    when: ({ stopCode }) => stopCode === 'UserInitiated',
    cause: (one) => stopped('The task was stopped with StopTask', one),
    fix: 'Find the caller of StopTask in CloudTrail, then deploy again.',
  },
  {
    when: reasonMatches(/unable to assume (?:the )?role/i),
    cause: () => 'ECS cannot assume the task role or the execution role',
    fix: 'Check that the execution role and the task role exist and trust ecs-tasks.amazonaws.com.',
  },
  {
    when: reasonMatches(/container health checks/i),
    cause: (one) => stopped(`The container health check of ${nameOf(one)} failed`, one),
    fix: 'Run the healthCheck command of the task definition in the image. It may use a program that the image does not contain, need a longer startPeriod, or use the wrong port.',
  },
  {
    when: (one) => (healthChecks.test(messageOf(one)) || one.target !== '') && otherPort(one) !== undefined,
    cause: (one) =>
      stopped(
        `The program listens on port ${otherPort(one) ?? ''}, but the load balancer sends requests to port ${one.port ?? ''}`,
        one,
      ),
    fix: (one) =>
      `Make the program listen on port ${one.port ?? ''}, or set the containerPort of the service and the port of its target group to ${otherPort(one) ?? ''}.`,
  },
  {
    when: ({ target }) => /ResponseCodeMismatch|with these codes/i.test(target),
    cause: (one) => {
      const code = /codes?: \[?(\d{3})/.exec(one.target)?.[1];
      const path =
        one.healthCheckPath === '' ? 'The health check' : `The health check ${one.healthCheckPath}`;
      return stopped(`${path} returned ${code ?? 'an unexpected status code'}`, one);
    },
    fix: (one) =>
      `Make the program respond to ${one.healthCheckPath || 'the health check path'} with the status code that the target group expects (200 by default), or correct the path.`,
  },
  {
    when: ({ target }) => /Target\.Timeout|timed out/i.test(target),
    cause: (one) => stopped(`The health check timed out on ${portOf(one)}`, one),
    fix: "Allow inbound traffic from the load balancer on this port in the tasks' security group, and make the program listen on 0.0.0.0 and this port within the grace period.",
  },
  {
    when: (one) => /FailedHealthChecks/i.test(one.target) || /ELB health checks/i.test(messageOf(one)),
    cause: (one) => stopped(`The load balancer's health check failed on ${portOf(one)}`, one),
    fix: 'Check that the program listens on 0.0.0.0 and this port, responds to the health check path with 200, and starts within the grace period (healthCheckGracePeriodSeconds).',
  },
  {
    when: reasonMatches(/OutOfMemory/i),
    cause: (one) => `The container ${nameOf(one)} ran out of memory${exitOf(one)}`,
    fix: ({ memory }) =>
      `Give the task more memory${memory === '' ? '' : ` than ${memory} MiB`} (input memory), or limit the program's heap to less than the container's memory.`,
  },
  {
    // ECS stopped the task for a reason that is not in this list.
    when: ({ container, stopCode }) =>
      container?.exitCode === KILLED && stopCode !== '' && stopCode !== 'EssentialContainerExited',
    cause: (one) => stopped('ECS stopped the task', one),
    fix: "Check AWS's reason for the stop. Make the program exit on SIGTERM, or raise the container's stopTimeout.",
  },
  {
    when: ({ container }) => container?.exitCode === KILLED,
    cause: (one) =>
      `The container ${nameOf(one)} was killed by SIGKILL (exit code 137), and ECS did not report that it ran out of memory`,
    fix: "Find what sent SIGKILL: ECS sends it when a container does not exit within stopTimeout after an essential container has exited, and a supervisor in the container can send it too. Also compare the task's memory usage with its limit.",
  },
  {
    when: ({ container }) => container?.exitCode === 143,
    cause: (one) => `The container ${nameOf(one)} was stopped by SIGTERM (exit code 143)`,
    fix: 'Check the other containers of the task: ECS stops all containers when an essential one exits.',
  },
  {
    when: ({ container }) => container?.exitCode === 139,
    cause: (one) => `The container ${nameOf(one)} crashed with a segmentation fault (exit code 139)`,
    fix: 'Rebuild the native modules in the image for its base image: the usual cause is a library built for another C library or CPU architecture.',
  },
  {
    when: (one) =>
      reasonMatches(/CannotStartContainer|executable file not found|no such file or directory/i)(one) ||
      [126, 127].includes(one.container?.exitCode ?? 0),
    cause: (one) => `The command of ${nameOf(one)} could not be started`,
    fix: 'Check entryPoint and command: the file must exist in the image and be executable.',
  },
  {
    when: ({ container }) => container?.exitCode === 0,
    cause: (one) => `The container ${nameOf(one)} exited without an error (exit code 0)`,
    fix: 'Check the command: a service must keep running in the foreground, and must not exit when its standard input is closed.',
  },
  {
    when: ({ container }) => container?.exitCode !== undefined,
    cause: (one) =>
      `The container ${nameOf(one)} exited with code ${one.container?.exitCode ?? ''}${elapsed(one)}`,
    fix: "Check the last lines of the container's log. Usual causes are a missing environment variable or secret, or an unreachable dependency.",
  },
];

const UNKNOWN: Cause = {
  when: () => true,
  cause: ({ stoppedReason, target }) =>
    (stoppedReason || target || 'The tasks failed, and AWS gave no reason').replace(/\.$/, ''),
  fix: 'Check the stopped tasks and the events of the service.',
};

/** The cause of a failed task and its fix. */
export function explain(evidence: Evidence): Explanation {
  const found = CAUSES.find(({ when }) => when(evidence)) ?? UNKNOWN;
  return {
    cause: found.cause(evidence),
    fix: typeof found.fix === 'string' ? found.fix : found.fix(evidence),
    awsMessage: awsMessageOf(evidence),
  };
}

function awsMessageOf({ stoppedReason, container, target }: Evidence): string {
  const reason = container?.reason ?? '';
  // For some failures, ECS repeats the reason of the container in the one of the task.
  const messages = [stoppedReason, stoppedReason.includes(reason) ? '' : reason, target];
  return messages.filter((text) => text !== '').join('; ');
}

function exitOf({ container }: Evidence): string {
  return container?.exitCode === undefined ? '' : ` (exit code ${container.exitCode})`;
}

function elapsed({ ranMs }: Evidence): string {
  if (ranMs === undefined) return '';
  return ranMs < 60_000 ? ' right after it started' : ` after ${Math.round(ranMs / 60_000)} min`;
}
