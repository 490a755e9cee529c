import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stackDatabase } from '../../../sandbox/cloudformation/engine/stack-database.ts';
import { identityStore } from '../../../sandbox/iam/roles.ts';
import { DEV } from '../../support/aws-clients.ts';
import { actingAs, arnOf, sessionOf } from '../../support/roles.ts';
import { ScaleEnvironment } from '../../support/scale/environment.ts';
import type { MeasuredRun } from '../../support/scale/measure.ts';

const STACKS = 30;
/** At 100 simulated seconds per second, a stack is in progress for 8 s. */
const TOPIC = { match: { type: 'AWS::SNS::Topic' }, on: 'create' as const, seconds: 800 };

const environments: ScaleEnvironment[] = [];

async function start(stacks: number): Promise<ScaleEnvironment> {
  const environment = await ScaleEnvironment.start({
    stacks,
    services: 0,
    chain: 0,
    readers: stacks,
    scenario: { resources: [TOPIC] },
    timeScale: 100,
  });
  environments.push(environment);
  return environment;
}

afterAll(async () => {
  await Promise.all(environments.map((environment) => environment.close()));
});

/** How many rounds started between the end of a stack in AWS and the read of its events that showed it. */
function roundsToEnds({ sandbox }: ScaleEnvironment): number[] {
  const calls = sandbox.calls.all;
  const rounds = calls.filter(
    ({ operation, input }) => operation === 'DescribeStacks' && !input['StackName'],
  );
  return stackDatabase(sandbox.world, DEV, 'eu-west-1')
    .active()
    .flatMap(({ id, name, events }) => {
      const endedAt = events.findLast(({ LogicalResourceId }) => LogicalResourceId === name)?.Timestamp;
      const read = calls.findLast(
        ({ operation, input }) => operation === 'DescribeStackEvents' && input['StackName'] === id,
      );
      if (!endedAt || !read) return [];
      return [rounds.filter(({ time }) => time >= endedAt && time <= read.time).length];
    });
}

describe('30 stacks in progress', () => {
  let environment: ScaleEnvironment;
  let run: MeasuredRun;

  beforeAll(async () => {
    environment = await start(STACKS);
    run = await environment.run();
  });

  test('are all deployed', () => {
    expect(run.outputs['verdict']).toBe('deployed');
  });

  test('are listed together, and most of their events are not read in a round', () => {
    const listings = environment.sandbox.calls
      .of('DescribeStacks')
      .filter(({ input }) => !input['StackName']).length;
    const reads = run.calls['cloudformation:DescribeStackEvents'] ?? 0;
    process.stdout.write(
      `30 stacks: ${listings} listings, ${reads} reads of events, ${run.totalCalls} calls\n`,
    );
    // Five for the progress in each round, and a few for the start and end of each stack.
    expect(listings).toBeGreaterThan(5);
    expect(reads).toBeLessThan(5 * listings + 6 * STACKS);
  });

  test('complete in the log one or two rounds after AWS', () => {
    const rounds = roundsToEnds(environment);
    const mean = rounds.reduce((sum, count) => sum + count, 0) / rounds.length;
    process.stdout.write(`${rounds.length} ends, seen after ${mean.toFixed(2)} rounds on average\n`);
    expect(rounds).toHaveLength(STACKS);
    expect(mean).toBeLessThanOrEqual(2);
  });
});

test('are deployed by a role that may not list stacks', async () => {
  const environment = await start(10);
  const { sandbox } = environment;
  actingAs(sandbox, 'deploy', { account: DEV });
  const store = identityStore(sandbox.world);
  const role = store.role(arnOf(DEV, 'bootstrap-deploy'));
  const permissions = role && store.permissionsOf(role);
  if (!permissions) throw new Error('there is no role to narrow');
  const statement = { Effect: 'Deny', Action: 'cloudformation:ListStacks', Resource: '*' };
  store.putRole(arnOf(DEV, 'no-list'), role.trustPolicy, 7200, {
    policies: { ...permissions.policies, NoList: { Version: '2012-10-17', Statement: [statement] } },
  });
  const run = await environment.run({}, { env: sessionOf(sandbox, arnOf(DEV, 'no-list')) });
  expect(run.outputs['verdict']).toBe('deployed');
  const refused = sandbox.calls.all.filter(({ code }) => code === 'AccessDenied');
  expect(new Set(refused.map(({ operation }) => operation))).toEqual(new Set(['DescribeStacks']));
});
