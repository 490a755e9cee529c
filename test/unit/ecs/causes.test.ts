import { describe, expect, test } from '@jest/globals';
import { explain } from '../../../src/ecs/causes.ts';
import type { Evidence } from '../../../src/ecs/causes.ts';

const nothing: Evidence = {
  stopCode: '',
  stoppedReason: '',
  target: '',
  log: '',
  architecture: 'X86_64',
  memory: '512',
  port: 3000,
  healthCheckPath: '/health',
};
const app = (fields: Partial<NonNullable<Evidence['container']>> = {}): Pick<Evidence, 'container'> => ({
  container: { name: 'app', ...fields },
});
const elb =
  'Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:x:1:targetgroup/a/b)';

/** AWS's messages. */
test.each<[string, Partial<Evidence>, RegExp, RegExp]>([
  [
    'immediate exit 1',
    { ...app({ exitCode: 1 }), ranMs: 900 },
    /app exited with code 1 right after it started/,
    /last lines of the container's log/,
  ],
  [
    'exit 2 later',
    { ...app({ exitCode: 2 }), ranMs: 600_000 },
    /app exited with code 2 after 10 min/,
    /last lines of the container's log/,
  ],
  ['exit 0', app({ exitCode: 0 }), /app exited without an error/, /keep running/],
  [
    'out of memory',
    app({ exitCode: 137, reason: 'OutOfMemoryError: Container killed due to memory usage' }),
    /app ran out of memory/,
    /more memory than 512 MiB/,
  ],
  [
    'killed without a reason from ECS',
    { stopCode: 'EssentialContainerExited', ...app({ exitCode: 137 }) },
    /app was killed by SIGKILL \(exit code 137\), and ECS did not report that it ran out of memory/,
    /stopTimeout/,
  ],
  [
    'killed by StopTask',
    { stopCode: 'UserInitiated', stoppedReason: 'Task stopped by user', ...app({ exitCode: 137 }) },
    /^The task was stopped with StopTask; app did not exit within stopTimeout and was killed by SIGKILL/,
    /CloudTrail/,
  ],
  [
    'killed by Spot',
    {
      stopCode: 'SpotInterruption',
      stoppedReason: 'Your Spot Task was interrupted.',
      ...app({ exitCode: 137 }),
    },
    /^AWS reclaimed the Spot capacity; app did not exit within stopTimeout/,
    /FARGATE/,
  ],
  [
    'killed by its own health check',
    {
      stopCode: 'ServiceSchedulerInitiated',
      stoppedReason: 'Task failed container health checks',
      ...app({ exitCode: 137, health: 'UNHEALTHY' }),
    },
    /container health check of app failed; app did not exit within stopTimeout and was killed by SIGKILL/,
    /healthCheck command/,
  ],
  [
    'killed by the scheduler for another reason',
    { stopCode: 'ServiceSchedulerInitiated', stoppedReason: 'Something new', ...app({ exitCode: 137 }) },
    /^ECS stopped the task; app did not exit within stopTimeout/,
    /SIGTERM/,
  ],
  [
    'Fargate maintenance',
    {
      stopCode: 'ServiceSchedulerInitiated',
      stoppedReason:
        'Service user-service: ECS is performing maintenance on the underlying infrastructure hosting the task',
      ...app({ exitCode: 137 }),
    },
    /^AWS retired the task for infrastructure maintenance; app did not exit within stopTimeout/,
    /at least two tasks/,
  ],
  [
    'a terminated host',
    {
      stopCode: 'TerminationNotice',
      stoppedReason: 'Host EC2 (instance i-03dba81187d65ce7e) terminated.',
      ...app({ exitCode: 1 }),
    },
    /^The container instance of the task was stopped, drained or terminated$/,
    /Auto Scaling group/,
  ],
  ['ended with another container', app({ exitCode: 143 }), /app was stopped by SIGTERM/, /other containers/],
  ['segmentation fault', app({ exitCode: 139 }), /segmentation fault/, /native/],
  [
    'another architecture, from its log',
    { ...app({ exitCode: 255 }), log: 'exec /app: exec format error' },
    /not built for the CPU architecture X86_64/,
    /linux\/amd64/,
  ],
  [
    'another architecture, at the pull',
    {
      stoppedReason:
        'CannotPullContainerError: image Manifest does not contain descriptor matching platform linux/arm64',
      architecture: 'ARM64',
    },
    /architecture ARM64/,
    /linux\/arm64/,
  ],
  [
    'no such image',
    { stoppedReason: 'CannotPullContainerError: failed to resolve ref x@sha256:1: x@sha256:1: not found' },
    /it does not exist/,
    /Push the image first/,
  ],
  [
    'an image without its registry',
    {
      stoppedReason:
        'CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/library/api:1: pull access denied, repository does not exist or may require authorization',
    },
    /does not exist on Docker Hub/,
    /Include the registry/,
  ],
  [
    'an invalid name',
    {
      stoppedReason: 'CannotPullContainerError: invalid reference format: repository name must be lowercase',
    },
    /its name is invalid/,
    /lowercase/,
  ],
  [
    'a denied image',
    { stoppedReason: 'CannotPullContainerError: pull access denied, 403 Forbidden' },
    /access denied/,
    /ecr:BatchGetImage/,
  ],
  [
    'a slow registry',
    { stoppedReason: 'CannotPullContainerError: toomanyrequests: rate limit' },
    /rate limit was reached/,
    /pull through cache/,
  ],
  [
    'an unreachable registry',
    { stoppedReason: 'CannotPullContainerError: dial tcp 10.0.0.1:443: i/o timeout' },
    /is unreachable/,
    /NAT gateway/,
  ],
  [
    'a denied secret',
    {
      stoppedReason:
        'ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException: User x is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:eu-west-1:1:secret:db because',
    },
    /no permission to read a secret/,
    /Grant secretsmanager:GetSecretValue on arn:aws:secretsmanager:eu-west-1:1:secret:db/,
  ],
  [
    'a missing secret',
    {
      stoppedReason:
        "ResourceInitializationError: unable to pull secrets: ResourceNotFoundException: Secrets Manager can't find the specified secret.",
    },
    /does not exist/,
    /Create it/,
  ],
  [
    'a missing parameter',
    {
      stoppedReason:
        'ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm parameters: /shop/dev/token',
    },
    /^A secret or parameter that the task needs does not exist$/,
    /Create it/,
  ],
  [
    'a denied parameter',
    {
      stoppedReason:
        'ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1 time(s): AccessDeniedException: User: arn:aws:sts::111111111111:assumed-role/execution/f83b93a4dc3442a18eaaf8c2a235cd37 is not authorized to perform: ssm:GetParameters on resource: arn:aws:ssm:eu-west-2:111111111111:parameter/GOOGLE_CLIENT_ID because no identity-based policy allows the ssm:GetParameters action status code: 400, request id: 1adcb55f-f798-4503-b8a3-cd1533290001',
    },
    /no permission to read a secret or parameter/,
    /Grant ssm:GetParameters on arn:aws:ssm:eu-west-2:111111111111:parameter\/GOOGLE_CLIENT_ID to the execution role/,
  ],
  [
    'a key without permission to decrypt a secret',
    {
      stoppedReason:
        'ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:eu-central-1:111111111111:secret:directus-EaPYTy from secrets manager: AccessDeniedException: Access to KMS is not allowed status code: 400, request id: a87a66d9-f839-4353-b8c2-9984b1465695',
    },
    /no permission to decrypt a secret/,
    /Grant kms:Decrypt on the key of the secret/,
  ],
  [
    'no permission to log in to ECR',
    {
      stoppedReason:
        'ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: service call has been retried 1 time(s): AccessDeniedException: User: arn:aws:sts::111111111111:assumed-role/execution/1 is not authorized to perform: ecr:GetAuthorizationToken on resource: * because no identity-based policy allows the ecr:GetAuthorizationToken action',
    },
    /no permission to log in to ECR/,
    /Grant ecr:GetAuthorizationToken/,
  ],
  [
    'no permission for a log stream',
    {
      stoppedReason:
        'ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: AccessDeniedException: User: arn:aws:sts::111111111111:assumed-role/execution/1 is not authorized to perform: logs:CreateLogStream on resource: arn:aws:logs:eu-west-1:111111111111:log-group:/services:log-stream:app because no identity-based policy allows the logs:CreateLogStream action : exit status 1',
    },
    /no permission to write the logs of the task/,
    /Grant logs:CreateLogStream on arn:aws:logs:eu-west-1:111111111111:log-group:\/services:log-stream:app and logs:PutLogEvents/,
  ],
  [
    'a missing log group',
    {
      stoppedReason:
        'ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1',
    },
    /logs of the task cannot be written/,
    /log group/,
  ],
  [
    'Secrets Manager is unreachable',
    {
      stoppedReason:
        'ResourceInitializationError: unable to pull secrets or registry auth: context deadline exceeded',
    },
    /is unreachable/,
    /NAT gateway/,
  ],
  [
    'another port',
    { stoppedReason: elb, log: 'Server listening on port 8080' },
    /listens on port 8080, but the load balancer sends requests to port 3000/,
    /containerPort/,
  ],
  [
    'another port in JSON',
    { stoppedReason: elb, log: '{"level":30,"msg":"Server listening at http://0.0.0.0:8080"}' },
    /listens on port 8080/,
    /port 3000/,
  ],
  [
    'the right port',
    { stoppedReason: elb, log: 'listening on 0.0.0.0:3000', target: 'Target.Timeout: Request timed out' },
    /timed out on port 3000/,
    /security group/,
  ],
  [
    'another path',
    {
      stoppedReason: elb,
      target: 'Target.ResponseCodeMismatch: Health checks failed with these codes: [404]',
    },
    /health check \/health returned 404/i,
    /correct the path/,
  ],
  [
    'an unhealthy target',
    { stoppedReason: elb, target: 'Target.FailedHealthChecks: Health checks failed' },
    /health check failed on port 3000/,
    /grace period/,
  ],
  [
    'killed because unhealthy',
    { ...app({ exitCode: 137 }), stoppedReason: elb },
    /health check failed on port 3000; app did not exit within stopTimeout and was killed by SIGKILL/,
    /grace period/,
  ],
  [
    "the container's own check",
    { ...app({ exitCode: 143 }), stoppedReason: 'Task failed container health checks' },
    /container health check of app failed/,
    /healthCheck command/,
  ],
  [
    'no capacity',
    {
      stoppedReason:
        'Capacity is unavailable at this time. Please try again later or in a different availability zone',
    },
    /^No capacity is available/,
    /FARGATE_SPOT/,
  ],
  [
    'the quota',
    { stoppedReason: 'You’ve reached the limit on the number of vCPUs you can run concurrently' },
    /reached its Fargate vCPU quota/,
    /Service Quotas/,
  ],
  [
    'no free addresses',
    {
      stoppedReason:
        "Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-1': InsufficientFreeAddressesInSubnet",
    },
    /no free IP addresses/,
    /Add subnets/,
  ],
  [
    'Spot',
    { stopCode: 'SpotInterruption', stoppedReason: 'Your Spot Task was interrupted.' },
    /reclaimed the Spot capacity/,
    /FARGATE/,
  ],
  [
    'a role',
    {
      stoppedReason:
        "ECS was unable to assume the role 'arn:aws:iam::1:role/x' that was provided for this task.",
    },
    /cannot assume the task role or the execution role/,
    /ecs-tasks/,
  ],
  ['a missing command', { ...app({ exitCode: 127 }) }, /command of app could not be started/, /entryPoint/],
  [
    'a person',
    { stopCode: 'UserInitiated', stoppedReason: 'Task stopped by a person' },
    /The task was stopped with StopTask/,
    /CloudTrail/,
  ],
  ['an unknown message', { stoppedReason: 'Cosmic rays.' }, /^Cosmic rays$/, /stopped tasks/],
])('%s', (_, evidence, cause, fix) => {
  const told = explain({ ...nothing, ...evidence });
  expect(told.cause).toMatch(cause);
  expect(told.fix).toMatch(fix);
});

describe("AWS's messages", () => {
  test.each<[string, Partial<Evidence>, string]>([
    ['the task', { stoppedReason: 'CannotPullContainerError: x' }, 'CannotPullContainerError: x'],
    [
      'the task and the container',
      {
        stoppedReason: 'Essential container in task exited',
        ...app({ exitCode: 137, reason: 'OutOfMemoryError: Container killed due to memory usage' }),
      },
      'Essential container in task exited; OutOfMemoryError: Container killed due to memory usage',
    ],
    [
      'the same twice',
      {
        stoppedReason: 'CannotPullContainerError: x',
        ...app({ reason: 'CannotPullContainerError: x' }),
      },
      'CannotPullContainerError: x',
    ],
    ['the load balancer', { stoppedReason: elb, target: 'Target.Timeout: no' }, `${elb}; Target.Timeout: no`],
    ['nothing', {}, ''],
  ])('%s', (_, evidence, words) => {
    expect(explain({ ...nothing, ...evidence }).awsMessage).toBe(words);
  });
});

describe('no message', () => {
  test('is reported as such', () => {
    expect(explain(nothing).cause).toBe('The tasks failed, and AWS gave no reason');
  });
});
