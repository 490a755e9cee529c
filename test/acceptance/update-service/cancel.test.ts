import { ListTasksCommand } from '@aws-sdk/client-ecs';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Run } from '../../../sandbox/runner.ts';
import type { Scenario } from '../../../sandbox/index.ts';
import { CLUSTER, EcsWorld } from '../../unit/sandbox/ecs/ecs-world.ts';
import { pooled } from '../../support/pool.ts';
import { NEXT, updateService } from '../../support/service.ts';

/** A moment of a run, and the expected state after SIGTERM at that moment. */
interface Moment {
  name: string;
  /** The signal is sent when this line appears, or when this call arrives; its response is then delayed. */
  at: RegExp | string;
  remains: RegExp;
  inputs?: Record<string, string>;
  ecs?: NonNullable<Scenario['ecs']>;
  percent?: { minimumHealthyPercent: number; maximumPercent: number };
  /** Which of the calls in `at`, from 1. */
  nth?: number;
  /** The calls that must have been made. */
  calls?: readonly string[];
  /** The expected revision of the service. Default: the previous one. */
  ends?: string;
}

const slow = { rules: [{ does: 'run' as const, match: { image: NEXT }, bootSeconds: 20_000 }] };
const migration = {
  rules: [{ does: 'run' as const, match: { image: NEXT, oneOff: true }, after: 40_000 }],
};
const preDeploy = { 'pre-deploy': 'node migrate.js' };
const OLD = 'user-service:1';
const NEW = 'user-service:2';

const MOMENTS: readonly Moment[] = [
  { name: 'while it reads the service', at: 'DescribeServices', remains: /Nothing was changed/ },
  { name: 'while it checks', at: 'DescribeLogGroups', remains: /Nothing was changed/ },
  { name: 'while it registers', at: 'RegisterTaskDefinition', remains: /The service was not changed/ },
  {
    name: 'while the migration runs',
    at: /Running node migrate/,
    inputs: preDeploy,
    ecs: migration,
    remains: /(Stopped its task|Its task was not started).*The service was not changed/,
  },
  {
    name: 'while the migration is started',
    at: 'RunTask',
    inputs: preDeploy,
    ecs: migration,
    remains: /The service was not changed/,
  },
  {
    name: 'while the deployment is requested',
    at: 'UpdateService',
    ecs: slow,
    remains: /had not started|Requested a rollback to user-service:1/,
  },
  {
    name: 'while the deployment is searched',
    at: 'DescribeServiceRevisions',
    ecs: slow,
    remains: /Requested a rollback to user-service:1; it continues on AWS/,
    calls: ['StopServiceDeployment'],
  },
  {
    name: 'during the rollout',
    at: /^Tasks:/,
    ecs: slow,
    remains: /Requested a rollback to user-service:1; it continues on AWS/,
    calls: ['StopServiceDeployment'],
  },
  {
    name: 'during the rollout, on-failure stop',
    at: /^Tasks:/,
    ecs: slow,
    inputs: { 'on-failure': 'stop' },
    remains: /Stopped the deployment of user-service:2/,
    calls: ['StopServiceDeployment'],
    ends: NEW,
  },
  {
    name: 'during the rollout, on-failure keep',
    at: /^Tasks:/,
    ecs: slow,
    inputs: { 'on-failure': 'keep' },
    remains: /user-service:2 continues on AWS/,
    ends: NEW,
  },
  {
    name: 'during the rollout, without service deployments',
    at: /^Tasks:/,
    ecs: { ...slow, serviceDeployments: false },
    remains: /Requested a rollback to user-service:1/,
  },
  {
    name: 'while ECS rolls back',
    at: /ECS is rolling the deployment back/,
    ecs: {
      rules: [
        { does: 'exit', match: { image: NEXT } },
        { does: 'run', match: { revision: 1 }, bootSeconds: 8000 },
      ],
    },
    // The old tasks are stopped first, so they have to be started again.
    percent: { minimumHealthyPercent: 0, maximumPercent: 100 },
    remains: /rolled back|rollback to user-service:1/,
  },
  {
    name: 'during the proof',
    at: /^Tasks: 2 of 2/,
    inputs: { 'smoke-test': 'sleep 30' },
    remains: /Requested a rollback to user-service:1/,
  },
  {
    name: 'during the smoke test',
    at: /serves with 2 tasks/,
    inputs: { 'smoke-test': 'sleep 30' },
    remains: /Requested a rollback to user-service:1/,
  },
  {
    name: 'while it acquires the lock',
    at: 'PutParameter',
    inputs: { parameter: '/platform/dev/user-service/image' },
    remains: /Nothing was changed/,
  },
  {
    name: 'while the ledger is written',
    at: 'PutParameter',
    // The first one is the lock.
    nth: 2,
    inputs: { parameter: '/platform/dev/user-service/image' },
    remains: /keeps the new revision/,
    ends: NEW,
  },
];

interface Played {
  run: Run;
  ends: string;
  calls: string[];
  oneOffs: number;
}

async function play({ at, nth = 1, ecs, percent, inputs = {} }: Moment): Promise<Played> {
  const service = {
    deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true }, ...percent },
  };
  const world = await EcsWorld.withService(ecs ? { scenario: { ecs } } : {}, service);
  const { sandbox } = world;
  const before = sandbox.calls.all.length;
  const earlier = typeof at === 'string' ? sandbox.calls.of(at).length : 0;
  if (typeof at === 'string') sandbox.addFault({ operation: at, kind: 'delay', nth, delayMs: 2500 });
  let sent = false;
  const run = await updateService(
    world,
    { image: NEXT, ...inputs },
    {
      onStart: (child) => {
        if (typeof at !== 'string') return;
        void sandbox.calls.arrival({ operation: at }, earlier + nth).then(() => {
          child.kill('SIGTERM');
        });
      },
      onLine: (line, child) => {
        if (typeof at === 'string' || sent || !at.test(line)) return;
        sent = true;
        child.kill('SIGTERM');
      },
    },
  );
  const { taskDefinition = '' } = await world.service();
  const list = new ListTasksCommand({ cluster: CLUSTER, desiredStatus: 'RUNNING', family: 'user-service' });
  const { taskArns = [] } = await world.client.send(list);
  const oneOffs = taskArns.length - (await world.tasks()).length;
  return {
    run,
    ends: taskDefinition.slice(taskDefinition.lastIndexOf('/') + 1),
    calls: sandbox.calls.all.slice(before).map(({ operation }) => operation),
    oneOffs,
  };
}

describe('a cancelled job', () => {
  let played: Played[] = [];

  beforeAll(async () => {
    played = await pooled(MOMENTS, 3, play);
  });

  test.each(MOMENTS.map((moment, index) => ({ ...moment, index })))(
    '$name stops what it has started before it is killed, and reports what remains',
    ({ remains, calls = [], ends, index, inputs }) => {
      const one = played[index]!;
      const { outputs, log, exitCode } = one.run;
      expect({ verdict: outputs['verdict'], exitCode, log }).toEqual({
        verdict: 'cancelled',
        exitCode: 1,
        log,
      });
      // A killed run only reports that it was cancelled.
      expect(outputs['reason']).toMatch(/^Cancelled by SIGTERM\. /);
      expect(outputs['reason']).toMatch(remains);
      for (const call of calls) expect(one.calls).toContain(call);
      expect(one.ends).toBe(ends ?? OLD);
      if (inputs?.['pre-deploy'] !== undefined) expect(one.oneOffs).toBe(0);
    },
  );
});
