import { beforeAll, describe, expect, test } from '@jest/globals';
import type { FaultRule } from '../../../sandbox/index.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { EcsWorld } from '../../unit/sandbox/ecs/ecs-world.ts';
import { pooled } from '../../support/pool.ts';
import { NEXT, updateService } from '../../support/service.ts';

/**
 * With any fault, the verdict is that of the same rollout without it. Each case fails the first calls of every
 * operation, or a share of all calls, of a rollout that must succeed and of one that must be rolled back.
 */
const OPERATIONS = [
  'DescribeServices',
  'DescribeTaskDefinition',
  'RegisterTaskDefinition',
  'RunTask',
  'UpdateService',
  'DescribeServiceDeployments',
  'DescribeServiceRevisions',
  'ListTasks',
  'DescribeTasks',
  'DescribeTargetHealth',
  'GetLogEvents',
  'PutParameter',
  'GetParameters',
];

const FAULTS: readonly FaultRule[] = [
  { kind: 'throttle' },
  { kind: 'error' },
  { kind: 'reset' },
  { kind: 'reset', after: true },
  { kind: 'status', status: 503 },
  { kind: 'malformed' },
];
const SHARES: readonly FaultRule[] = [
  { kind: 'throttle', probability: 0.3 },
  { kind: 'error', probability: 0.15 },
  { kind: 'reset', probability: 0.2 },
];

interface Row {
  fault: FaultRule;
  every: boolean;
  verdict: 'deployed' | 'rolled-back';
}

const ROWS: readonly Row[] = (['deployed', 'rolled-back'] as const).flatMap((verdict) => [
  ...FAULTS.map((fault) => ({ fault, every: true, verdict })),
  ...SHARES.map((fault) => ({ fault, every: false, verdict })),
]);

interface Played {
  run: Run;
  faulty: number;
}

async function play({ fault, every, verdict }: Row): Promise<Played> {
  const rules =
    verdict === 'deployed'
      ? []
      : [{ does: 'exit' as const, match: { image: NEXT, service: 'user-service' } }];
  const service = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } } };
  const world = await EcsWorld.withService({ scenario: { ecs: { rules } } }, service);
  const { sandbox } = world;
  const before = sandbox.calls.all.length;
  if (every) for (const operation of OPERATIONS) sandbox.addFault({ ...fault, operation });
  else
    for (const service of ['ecs', 'ssm', 'logs', 'elasticloadbalancing'])
      sandbox.addFault({ ...fault, service });
  const inputs = {
    image: NEXT,
    'pre-deploy': 'node migrate.js',
    parameter: '/platform/dev/user-service/image',
    timeout: '280s',
  };
  const run = await updateService(world, inputs);
  const made = sandbox.calls.all.slice(before);
  return { run, faulty: made.filter((call) => call.fault !== undefined).length };
}

describe('faults', () => {
  let played: Played[] = [];

  beforeAll(async () => {
    played = await pooled(ROWS, 4, play);
  }, 400_000);

  test.each(ROWS.map((row, index) => ({ ...row, said: JSON.stringify(row.fault), index })))(
    'with $said the verdict is still $verdict',
    ({ verdict, every, index }) => {
      const { run, faulty } = played[index]!;
      expect({ verdict: run.outputs['verdict'], log: run.log }).toEqual({ verdict, log: run.log });
      expect(faulty).toBeGreaterThan(every ? 7 : 2);
    },
  );
});
