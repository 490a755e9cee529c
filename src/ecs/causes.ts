import type { FailedTask } from './tasks.ts';

/** What is known of a failure. All texts may be empty. */
export interface Evidence extends Pick<FailedTask, 'stopCode' | 'stoppedReason' | 'container' | 'ranMs'> {
  /** What the load balancer said of the target. */
  target: string;
  /** The end of the container's log. */
  log: string;
  /** CPU architecture and memory of the task, and the port that requests go to. */
  architecture: string;
  memory: string;
  port: number | undefined;
  healthCheckPath: string;
}

export interface Explanation {
  cause: string;
  fix: string;
  /** What AWS says, word for word: people search for it. Empty when it says nothing. */
  awsMessage: string;
}

interface Cause {
  when: (evidence: Evidence) => boolean;
  cause: (evidence: Evidence) => string;
  fix: string | ((evidence: Evidence) => string);
}

const said = ({ stoppedReason, container }: Evidence): string =>
  `${stoppedReason} ${container?.reason ?? ''}`;
const nameOf = ({ container }: Evidence): string => container?.name ?? 'the container';
const saying =
  (pattern: RegExp) =>
  (evidence: Evidence): boolean =>
    pattern.test(said(evidence));

/** The port that the program says it listens on, when it is another than requests go to. */
function otherPort({ log, port }: Evidence): number | undefined {
  if (port === undefined) return undefined;
  const ports = [...log.matchAll(/\blisten\w*\b[^\n]{0,60}?(?::|\bport["']?\s*[:=]?\s*)(\d{2,5})\b/gi)].map(
    (found) => Number(found[1]),
  );
  return ports.includes(port) ? undefined : ports.at(-1);
}

/** The action and the resource that IAM denied, as it says; the given ones where it does not. */
function deniedTo(one: Evidence, otherwise: string): string {
  const [, action = otherwise, resource] = /perform: (\S+)(?: on resource: ([^\s,]+))?/.exec(said(one)) ?? [];
  return resource === undefined ? action : `${action} on ${resource}`;
}

const healthChecks = /health checks/i;

/** Of a container that ECS stopped, and that did not exit within its stopTimeout (30 s by default). */
const KILLED = 137;

/** Adds how a task that ECS stopped ended. */
function stopped(cause: string, one: Evidence): string {
  if (one.container?.exitCode !== KILLED) return cause;
  return `${cause}; ${nameOf(one)} did not exit within stopTimeout and was killed by SIGKILL (exit code 137)`;
}

/**
 * The first that fits is used. What ECS says (`stopCode`, `stoppedReason`, a container's `reason`) comes before exit
 * codes: 137 is SIGKILL from any sender, and means out of memory only where ECS reports `OutOfMemoryError`.
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
      /exec format error/i.test(`${said(one)} ${one.log}`) ||
      saying(/no matching manifest|image Manifest does not contain descriptor matching platform/i)(one),
    cause: (one) =>
      `The image of ${nameOf(one)} is built for another CPU architecture than ${one.architecture}`,
    fix: ({ architecture }) =>
      `Build the image for ${architecture === 'ARM64' ? 'linux/arm64' : 'linux/amd64'} (build-push-image: platforms), or set runtimePlatform.cpuArchitecture to what it is built for.`,
  },
  {
    // @see https://github.com/docker-archive/compose-cli/issues/853
    when: saying(/CannotPull\w*Error.*docker\.io\/.*pull access denied/is),
    cause: () => 'The image cannot be pulled: it is not on Docker Hub, or it is private there',
    fix: 'Give the image with its registry, such as 111111111111.dkr.ecr.eu-central-1.amazonaws.com/app:1.2. A name without a registry is pulled from Docker Hub.',
  },
  {
    when: saying(/CannotPull\w*Error.*invalid reference format/is),
    cause: () => 'The image cannot be pulled: its name is not valid',
    fix: 'Give the image as registry/repository:tag or registry/repository@sha256:…, with the repository in lower case.',
  },
  {
    when: saying(/CannotPull\w*Error.*(?:not found|manifest unknown|does not exist|repository .* not)/is),
    cause: () => 'The image cannot be pulled: it does not exist',
    fix: 'Push the image first, and check repository, digest or tag, and the account and region in its name.',
  },
  {
    when: saying(/CannotPull\w*Error.*(?:denied|not authorized|unauthorized|AccessDenied|403)/is),
    cause: () => 'The image cannot be pulled: access is denied',
    fix: 'Allow ecr:BatchGetImage, ecr:GetDownloadUrlForLayer and ecr:GetAuthorizationToken to the execution role; an image of another account needs its repository policy too.',
  },
  {
    when: saying(/CannotPull\w*Error.*(?:toomanyrequests|rate limit)/is),
    cause: () => 'The image cannot be pulled: the registry limits the rate',
    fix: 'Copy the image to ECR, or use a pull-through cache.',
  },
  {
    when: saying(/CannotPull\w*Error/i),
    cause: () => 'The image cannot be pulled: the registry cannot be reached',
    fix: 'Give the subnets a way to ECR and S3: a NAT gateway, or the endpoints ecr.api, ecr.dkr and s3; and allow port 443 out of the security group.',
  },
  {
    // @see https://github.com/doctorray117/minecraft-ondemand/issues/12
    when: saying(/ResourceInitializationError.*logger args.*(?:AccessDenied|not authorized)/is),
    cause: () => 'The execution role may not write the log of the task',
    fix: (one) =>
      `Allow ${deniedTo(one, 'logs:CreateLogStream')} and logs:PutLogEvents to the execution role.`,
  },
  {
    // @see https://repost.aws/knowledge-center/ecs-unable-to-pull-secrets
    when: saying(/ResourceInitializationError.*ecr registry auth.*(?:AccessDenied|not authorized)/is),
    cause: () => 'The execution role may not log in to ECR',
    fix: 'Allow ecr:GetAuthorizationToken on * to the execution role.',
  },
  {
    // @see https://github.com/GiamPy5/terraform-aws-directus/issues/10
    when: saying(/ResourceInitializationError.*Access to KMS is not allowed/is),
    cause: () => 'The execution role may not decrypt a secret that the task needs',
    fix: 'Allow kms:Decrypt on the key of the secret to the execution role: the message names the secret.',
  },
  {
    when: saying(/ResourceInitializationError.*(?:AccessDenied|not authorized)/is),
    cause: () => 'The execution role may not read a secret or parameter that the task needs',
    fix: (one) => {
      const what = deniedTo(one, 'secretsmanager:GetSecretValue or ssm:GetParameters');
      return `Allow ${what} to the execution role, and kms:Decrypt on the key behind it.`;
    },
  },
  {
    when: saying(/ResourceInitializationError.*(?:log group|logger|awslogs)/is),
    cause: () => 'The log of the task cannot be opened',
    fix: 'Create the log group that the task definition names, and allow logs:CreateLogStream and logs:PutLogEvents to the execution role.',
  },
  {
    // The agent on EC2 instances says "invalid parameters", Fargate "invalid ssm parameters".
    // @see https://github.com/aws/amazon-ecs-agent/blob/0d889be51811c05bf3c7bc482aed76e1384f5491/agent/ssm/ssm.go
    when: saying(
      /ResourceInitializationError.*(?:ResourceNotFound|can't find the specified secret|ParameterNotFound|invalid (?:ssm )?parameters|did not contain json key)/is,
    ),
    cause: () => 'A secret or parameter that the task needs does not exist',
    fix: 'Create it, or correct its ARN (or its JSON key) in the task definition: the message names it.',
  },
  {
    when: saying(/ResourceInitializationError/i),
    cause: () => 'The task could not be prepared: a service of AWS cannot be reached',
    fix: 'Give the subnets a way to Secrets Manager, SSM, ECR and CloudWatch Logs: a NAT gateway or their endpoints; and allow port 443 out of the security group.',
  },
  {
    when: saying(/InsufficientFreeAddresses|not (?:have )?enough free addresses/i),
    cause: () => 'The subnets have no free addresses left',
    fix: 'Add subnets to the service, or free addresses: every task takes one, and a deployment up to twice as many.',
  },
  {
    when: saying(/reached the limit on the number of vCPUs|vCPU.*limit/i),
    cause: () => "The account's quota of Fargate vCPUs is used up",
    fix: 'Ask for more in Service Quotas (Fargate On-Demand vCPU resource count), or deploy fewer tasks at once.',
  },
  {
    // The words of a placement on EC2 instances.
    // @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
    when: saying(/no container instance met all of its requirements|No Container Instances were found/i),
    cause: () => 'No container instance of the cluster can take a task',
    fix: 'Add an instance, or free what the message names (CPU, memory, a host port). With a fixed host port the new task fits only where the old one has stopped: use hostPort 0, or a minimumHealthyPercent below 100.',
  },
  {
    when: saying(
      /Capacity is unavailable|RESOURCE:(?:CPU|MEMORY|ENI)|unable to place a task|Capacity provider/i,
    ),
    cause: () => 'There is no capacity for the tasks',
    fix: 'Try again later, add subnets in other availability zones, or let the capacity provider strategy fall back from FARGATE_SPOT to FARGATE.',
  },
  {
    when: (one) => one.stopCode === 'SpotInterruption' || saying(/spot interruption|spot task was/i)(one),
    cause: (one) => stopped('AWS took the Spot capacity back', one),
    fix: 'Run the tasks that must stay on FARGATE, or deploy again.',
  },
  {
    // The words of a Fargate task's retirement.
    // @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-maintenance.html
    when: saying(/performing maintenance on the underlying infrastructure|scheduled for retirement/i),
    cause: (one) => stopped('AWS retired the task for maintenance of the infrastructure under it', one),
    fix: 'Deploy again: the image is not the cause. Run two tasks or more, so that a retirement leaves one that serves.',
  },
  {
    // "Host EC2 (instance i-…) terminated.", and of an instance that is drained or deregistered.
    when: (one) =>
      one.stopCode === 'TerminationNotice' ||
      saying(
        /Host EC2 \(instance|container instance is in DRAINING|instance deregistration forced|instance was deregistered/i,
      )(one),
    cause: (one) => stopped('The host of the task was stopped, drained or terminated', one),
    fix: 'Deploy again: the image is not the cause. If hosts go away often, look at the Auto Scaling group and at its capacity provider.',
  },
  {
    // Before the health checks: StopTask accepts any text as its reason.
    when: ({ stopCode }) => stopCode === 'UserInitiated',
    cause: (one) => stopped('Somebody stopped the task with StopTask', one),
    fix: 'Find the caller of StopTask in CloudTrail, then deploy again.',
  },
  {
    when: saying(/unable to assume (?:the )?role/i),
    cause: () => 'ECS cannot assume a role of the task',
    fix: 'The execution role and the task role must exist and trust ecs-tasks.amazonaws.com.',
  },
  {
    when: saying(/container health checks/i),
    cause: (one) => stopped(`The container's own health check fails in ${nameOf(one)}`, one),
    fix: 'Run the healthCheck command of the task definition in the image: it may need a program that the image lacks, a longer startPeriod, or the right port.',
  },
  {
    when: (one) => (healthChecks.test(said(one)) || one.target !== '') && otherPort(one) !== undefined,
    cause: (one) =>
      stopped(
        `The program listens on port ${otherPort(one) ?? ''}, and the load balancer asks port ${one.port ?? ''}`,
        one,
      ),
    fix: (one) =>
      `Let the program listen on port ${one.port ?? ''}, or set containerPort of the service and of its target group to ${otherPort(one) ?? ''}.`,
  },
  {
    when: ({ target }) => /ResponseCodeMismatch|with these codes/i.test(target),
    cause: (one) => {
      const code = /codes?: \[?(\d{3})/.exec(one.target)?.[1];
      const path =
        one.healthCheckPath === '' ? 'The health check' : `The health check ${one.healthCheckPath}`;
      return stopped(`${path} is answered with ${code ?? 'a status that does not count as healthy'}`, one);
    },
    fix: (one) =>
      `Let the program answer ${one.healthCheckPath || 'the health check path'} with the status that the target group expects (200 by default), or correct the path.`,
  },
  {
    when: ({ target }) => /Target\.Timeout|timed out/i.test(target),
    cause: (one) => stopped(`The health check gets no answer on port ${one.port ?? 'of the container'}`, one),
    fix: 'Allow the load balancer into the security group of the tasks on this port, and let the program bind 0.0.0.0, on this port, within the grace period.',
  },
  {
    when: (one) => /FailedHealthChecks/i.test(one.target) || /ELB health checks/i.test(said(one)),
    cause: (one) =>
      stopped(`The load balancer's health check fails on port ${one.port ?? 'of the container'}`, one),
    fix: 'Check that the program listens on this port and on 0.0.0.0, answers the health check path with 200, and is up within the grace period (healthCheckGracePeriodSeconds).',
  },
  {
    when: saying(/OutOfMemory/i),
    cause: (one) => `The container ${nameOf(one)} ran out of memory${exitOf(one)}`,
    fix: ({ memory }) =>
      `Give the task more memory${memory === '' ? '' : ` than ${memory} MiB`} (input memory), or find what grows: limit the heap below the container's memory.`,
  },
  {
    // ECS stopped the task, for a reason that is not known here.
    when: ({ container, stopCode }) =>
      container?.exitCode === KILLED && stopCode !== '' && stopCode !== 'EssentialContainerExited',
    cause: (one) => stopped('ECS stopped the task', one),
    fix: 'Read what AWS says of the stop. Let the program end on SIGTERM, or raise stopTimeout of the container.',
  },
  {
    when: ({ container }) => container?.exitCode === KILLED,
    cause: (one) =>
      `The container ${nameOf(one)} was killed by SIGKILL (exit code 137), and ECS does not say that it ran out of memory`,
    fix: "Look for who sends SIGKILL: ECS does it when a container does not end within stopTimeout after another one has ended, and so does a supervisor inside of the container. Compare the task's memory with its limit all the same.",
  },
  {
    when: ({ container }) => container?.exitCode === 143,
    cause: (one) => `The container ${nameOf(one)} was stopped by SIGTERM (exit code 143)`,
    fix: 'Look at the other containers of the task: ECS stops all of them when an essential one ends.',
  },
  {
    when: ({ container }) => container?.exitCode === 139,
    cause: (one) => `The container ${nameOf(one)} crashed with a segmentation fault (exit code 139)`,
    fix: 'A native library crashed, most often one that was built for another C library or CPU. Rebuild the image with its native modules for its own base.',
  },
  {
    when: (one) =>
      saying(/CannotStartContainer|executable file not found|no such file or directory/i)(one) ||
      [126, 127].includes(one.container?.exitCode ?? 0),
    cause: (one) => `The command of ${nameOf(one)} cannot be started`,
    fix: 'Check entryPoint and command: the file must exist in the image and be executable.',
  },
  {
    when: ({ container }) => container?.exitCode === 0,
    cause: (one) => `The container ${nameOf(one)} ended by itself, without an error (exit code 0)`,
    fix: 'A service must keep running in the foreground. Check the command, and that the program does not end when its input is closed.',
  },
  {
    when: ({ container }) => container?.exitCode !== undefined,
    cause: (one) =>
      `The container ${nameOf(one)} ended with exit code ${one.container?.exitCode ?? ''}${soon(one)}`,
    fix: 'The program ended by itself: the last lines of its log say why. A missing variable or secret, or a dependency that cannot be reached, are the usual reasons.',
  },
];

const UNKNOWN: Cause = {
  when: () => true,
  cause: ({ stoppedReason, target }) =>
    (stoppedReason || target || 'The tasks failed, and AWS does not say why').replace(/\.$/, ''),
  fix: 'Look at the stopped tasks of the service and at its events.',
};

/** What a failure means and what to do about it. */
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
  // ECS says of some failures the same in both.
  const words = [stoppedReason, stoppedReason.includes(reason) ? '' : reason, target];
  return words.filter((text) => text !== '').join('; ');
}

function exitOf({ container }: Evidence): string {
  return container?.exitCode === undefined ? '' : ` (exit code ${container.exitCode})`;
}

function soon({ ranMs }: Evidence): string {
  if (ranMs === undefined) return '';
  return ranMs < 60_000 ? ' as it started' : ` after ${Math.round(ranMs / 60_000)} min`;
}
