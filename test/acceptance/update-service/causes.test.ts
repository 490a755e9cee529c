import { DescribeTaskDefinitionCommand, type CreateServiceCommandInput } from '@aws-sdk/client-ecs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Run } from '../../../sandbox/runner.ts';
import type { Scenario } from '../../../sandbox/index.ts';
import { EcsWorld } from '../../unit/sandbox/ecs/ecs-world.ts';
import { pooled } from '../../support/pool.ts';
import { NEXT, updateService } from '../../support/service.ts';

type Rule = NonNullable<NonNullable<Scenario['ecs']>['rules']>[number];

/** A kind of failure, and what the on-call person must read. */
interface Failure {
  rule: Rule;
  cause: RegExp;
  fix: RegExp;
  /** AWS's message, verbatim. */
  quote: string;
}

const breaker: Partial<CreateServiceCommandInput> = {
  deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
};

const FAILURES: readonly Failure[] = [
  {
    rule: { does: 'exit', logs: ['Error: DB_HOST is not set'] },
    cause: /app exited with code 1 right after it started/,
    fix: /last lines of the container's log/,
    quote: 'Essential container in task exited',
  },
  {
    rule: { does: 'run-out-of-memory', logs: ['heap at 511 MB'] },
    cause: /app ran out of memory \(exit code 137\)/,
    fix: /more memory than 512 MiB/,
    quote: 'OutOfMemoryError: Container killed due to memory usage',
  },
  {
    rule: { does: 'segfault', logs: ['loading sharp'] },
    cause: /segmentation fault \(exit code 139\)/,
    fix: /native/,
    quote: 'Essential container in task exited',
  },
  {
    rule: { does: 'exit', exitCode: 137, logs: ['supervisor: no answer in 5 s'] },
    cause: /app was killed by SIGKILL \(exit code 137\), and ECS did not report that it ran out of memory/,
    fix: /stopTimeout/,
    quote: 'Essential container in task exited',
  },
  {
    rule: { does: 'exec-format-error' },
    cause: /is not built for the CPU architecture X86_64/,
    fix: /linux\/amd64/,
    quote: 'Essential container in task exited',
  },
  {
    rule: { does: 'cannot-pull' },
    cause: /image cannot be pulled: it does not exist/,
    fix: /Push the image first/,
    quote: 'CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref',
  },
  {
    rule: { does: 'cannot-read-secrets' },
    cause: /no permission to read a secret/,
    fix: /Grant secretsmanager:GetSecretValue on arn:aws:secretsmanager:eu-west-1:111111111111:secret:token/,
    quote: 'ResourceInitializationError: unable to pull secrets or registry auth',
  },
  {
    rule: {
      does: 'cannot-read-secrets',
      message:
        'ResourceInitializationError: unable to pull secrets or registry auth: context deadline exceeded',
    },
    cause: /is unreachable/,
    fix: /NAT gateway/,
    quote: 'context deadline exceeded',
  },
  {
    rule: {
      does: 'fail-target-checks',
      logs: ['listening on port 8080'],
      reason: 'Target.FailedHealthChecks',
    },
    cause: /listens on port 8080, but the load balancer sends requests to port 3000/,
    fix: /listen on port 3000/,
    quote: 'Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:',
  },
  {
    rule: {
      does: 'fail-target-checks',
      logs: ['listening on port 3000'],
      reason: 'Target.ResponseCodeMismatch',
    },
    cause: /health check \/health returned \d{3}/i,
    fix: /correct the path/,
    quote: 'Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:',
  },
  {
    rule: { does: 'fail-target-checks', logs: ['listening on port 3000'], reason: 'Target.Timeout' },
    cause: /timed out on port 3000/,
    fix: /security group/,
    quote: 'Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:',
  },
  {
    rule: { does: 'fail-container-checks', logs: ['wget: not found'] },
    cause: /container health check of app failed/,
    fix: /healthCheck command/,
    quote: 'Task failed container health checks',
  },
  {
    rule: { does: 'find-no-capacity' },
    cause: /No capacity is available for the tasks/,
    fix: /FARGATE_SPOT/,
    quote: 'Capacity is unavailable at this time. Please try again later or in a different availability zone',
  },
  {
    rule: { does: 'find-no-address' },
    cause: /subnets have no free IP addresses/,
    fix: /Add subnets/,
    quote: 'InsufficientFreeAddressesInSubnet',
  },
];

const FIRST_SCREEN = 40;

/** The first revision of the service: the usual one, or one whose container has a health check. */
async function checked(world: EcsWorld, healthCheck: boolean): Promise<string> {
  const usual = await world.register();
  if (!healthCheck) return usual;
  const command = new DescribeTaskDefinitionCommand({ taskDefinition: usual });
  const { containerDefinitions = [] } = (await world.client.send(command)).taskDefinition!;
  const [app] = containerDefinitions;
  const check = { command: ['CMD-SHELL', 'wget -q localhost:3000'], interval: 5, retries: 2 };
  return world.register({ containerDefinitions: [{ ...app!, healthCheck: check }] });
}

describe('why it failed', () => {
  let runs: Run[] = [];

  beforeAll(async () => {
    runs = await pooled(FAILURES, 4, async ({ rule }) => {
      const rules = [{ ...rule, match: { image: NEXT } }];
      const world = await EcsWorld.start({ scenario: { ecs: { rules } } });
      const taskDefinition = await checked(world, rule.does === 'fail-container-checks');
      await world.create({ ...breaker, taskDefinition });
      await world.ended();
      return updateService(world, { image: NEXT });
    });
  });

  test.each(
    FAILURES.map(({ rule, ...expected }, index) => {
      const { does, message, reason, logs = [] } = rule;
      return { ...expected, does, name: message ?? reason ?? '', logs, index };
    }),
  )(
    '$does $name: the annotation and the first screen show the cause, the log and the fix',
    ({ cause, fix, quote, logs, index }) => {
      const { outputs, summary, log } = runs[index]!;
      expect({ verdict: outputs['verdict'], log }).toEqual({ verdict: 'rolled-back', log });
      const screen = summary.split('\n').slice(0, FIRST_SCREEN).join('\n');
      const annotation = log.split('\n').find((line) => line.startsWith('::error title=Root cause')) ?? '';
      for (const text of [screen, annotation]) {
        expect(text).toMatch(cause);
        expect(text.replaceAll(/[`]/g, '')).toMatch(fix);
        expect(text.replaceAll(/[`\\]/g, '')).toContain(quote);
        for (const line of logs) expect(text).toContain(line);
      }
      expect(outputs['reason']).toMatch(cause);
      expect(outputs['reason']).toMatch(/rolled back to user-service:[12]/);
    },
  );
});

test('tasks with the same failure are one group, and the first failure is the cause', async () => {
  const rules = [
    { does: 'exit' as const, match: { image: NEXT }, times: 1, exitCode: 7, logs: ['first'] },
    { does: 'run-out-of-memory' as const, match: { image: NEXT }, after: 400, logs: ['second'] },
  ];
  const world = await EcsWorld.withService({ scenario: { ecs: { rules } } }, breaker);
  const run = await updateService(world, { image: NEXT });
  expect(run.outputs['reason']).toMatch(/^The container app exited with code 7/);
  const { failure } = run.result as { failure: { groups: { count: number; exitCode: number }[] } };
  expect(failure.groups.map(({ exitCode }) => exitCode)).toEqual([7, 137]);
  expect(failure.groups[1]!.count).toBeGreaterThan(1);
});

test('secret-like values in a log are masked', async () => {
  const logs = ['password=hunter22', 'db postgres://app:hunter33@db/x', 'key SECRET-VALUE-9'];
  const rules = [{ does: 'exit' as const, match: { image: NEXT }, logs }];
  const world = await EcsWorld.withService({ scenario: { ecs: { rules } } }, breaker);
  const run = await updateService(world, {
    image: NEXT,
    environment: 'API_TOKEN=SECRET-VALUE-9\nAUTH_TOKEN=true',
  });
  expect(run.outputs['verdict']).toBe('rolled-back');
  const shown = [run.summary, JSON.stringify(run.outputs), run.log.replaceAll(/^::add-mask::.*$/gm, '')].join(
    '\n',
  );
  expect(shown).toContain('password=***');
  expect(run.log).toContain('::add-mask::SECRET-VALUE-9');
  // GitHub drops every output that contains a masked text.
  expect(run.log).not.toMatch(/^::add-mask::true$/m);
  for (const secret of ['hunter22', 'hunter33', 'SECRET-VALUE-9']) expect(shown).not.toContain(secret);
});
