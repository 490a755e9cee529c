import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { useWorkspaces } from '../../support/action.ts';
import { expectExample } from '../../support/error-example.ts';
import { PreviewHost } from '../../support/preview.ts';

/** Each test has its own pull requests, identified by their numbers. */
const workspaceOf = useWorkspaces();
let host: PreviewHost;
beforeAll(async () => {
  host = await PreviewHost.start(workspaceOf, {
    scenario: {
      resources: [
        {
          match: { type: 'AWS::ElasticLoadBalancingV2::ListenerRule', stack: 'dev-platform-pr-22' },
          on: 'create',
          fail: { message: "Priority '2022' is currently in use", code: 'AlreadyExists', times: 1 },
        },
        {
          match: { type: 'AWS::ElasticLoadBalancingV2::TargetGroup', stack: 'dev-platform-pr-29' },
          on: 'delete',
          fail: { message: 'Target group is currently in use by a rule', code: 'ResourceInUse', times: 3 },
        },
      ],
    },
  });
});
afterAll(() => host.sandbox.close());

/** All resources of a pull request's preview, or in its place. */
async function left(pullRequest: number): Promise<object> {
  return {
    stacks: (await host.stacks()).filter((name) => name.includes(`-pr-${pullRequest}-`)),
    rules: host.prioritiesOf(pullRequest),
    tags: (await host.tags()).filter((tag) => tag.startsWith(`pr-${pullRequest}-`)),
    deployments: host.deployments(pullRequest).filter((state) => state !== 'inactive'),
  };
}
const NOTHING = { stacks: [], rules: [], tags: [], deployments: [] };

describe('a priority', () => {
  test('of another rule is skipped', async () => {
    const [first, second] = [await host.run(20), await host.run(1020)];
    expect([first.outputs['verdict'], second.outputs['verdict']]).toEqual(['deployed', 'deployed']);
    expect(host.prioritiesOf(20)).toEqual([2020]);
    expect(host.prioritiesOf(1020)).toEqual([2021]);
  });

  test('that is the last of its range and is taken leaves no room', async () => {
    const range = { images: `user-service=${host.digest}`, 'priority-base': '2900', 'priority-range': '4' };
    for (const pullRequest of [33, 34]) {
      expect((await host.run(pullRequest, range)).outputs).toMatchObject({ verdict: 'deployed' });
    }
    const run = await host.run(21, range);
    expect(run.outputs['verdict']).toBe('failed');
    expectExample('quota-exceeded', run);
    expect(host.prioritiesOf(21)).toEqual([]);
  });

  test('that is taken before the rule is created is chosen again', async () => {
    const run = await host.run(22);
    expect(run.outputs['verdict']).toBe('deployed');
    expect(run.log).toContain('Priority 2022 is now in use. Retrying user-service with 2023.');
    expect(host.prioritiesOf(22)).toEqual([2023]);
  });

  test('chosen by two pull requests goes to one of them', async () => {
    const runs = await Promise.all([host.run(24), host.run(1024)]);
    expect(runs.map(({ outputs }) => outputs['verdict'])).toEqual(['deployed', 'deployed']);
    expect(new Set([...host.prioritiesOf(24), ...host.prioritiesOf(1024)]).size).toBe(2);
  });
});

describe('concurrent events', () => {
  test('two close events remove everything, and both are green', async () => {
    await host.push(25);
    await host.run(25);
    host.pull(25).state = 'closed';
    const close = () => host.run(25, { command: 'remove' }, { action: 'closed' });
    const runs = await Promise.all([close(), close()]);
    for (const { exitCode, outputs } of runs) {
      expect({ exitCode, verdict: outputs['verdict'] }).toEqual({
        exitCode: 0,
        verdict: expect.stringMatching(/^(removed|unchanged)$/),
      });
    }
    expect(await left(25)).toEqual(NOTHING);
  });

  test('a close event while the stack is being created', async () => {
    await host.push(26);
    const creation = host.next('ExecuteChangeSet');
    const deploying = host.run(26);
    await creation;
    host.pull(26).state = 'closed';
    const closing = await host.run(26, { command: 'remove' }, { action: 'closed' });
    const deployed = await deploying;
    expect(closing.exitCode).toBe(0);
    expect({ exitCode: deployed.exitCode, reason: deployed.outputs['reason'] }).toEqual({
      exitCode: 0,
      reason: expect.stringContaining('Pull request 26 was closed while its preview was deployed'),
    });
    expect(await left(26)).toEqual(NOTHING);
  });

  test('a close event before the stack existed', async () => {
    await host.push(27);
    const plan = host.next('CreateChangeSet');
    const deploying = host.run(27);
    await plan;
    host.pull(27).state = 'closed';
    const deployed = await deploying;
    expect(deployed.outputs['verdict']).toBe('removed');
    expect(await left(27)).toEqual(NOTHING);
  });

  test('after two pushes, the newest commit is deployed', async () => {
    const [first, second] = [await host.push(28), await host.push(28, 'newer')];
    const plan = host.next('CreateChangeSet');
    const older = host.run(28, { images: `user-service=${first}` });
    await plan;
    host.pull(28).sha = 'd'.repeat(40);
    const newer = await host.run(28, { images: `user-service=${second}` });
    expect((await older).outputs['verdict']).toBe('superseded');
    expect(newer.outputs['verdict']).toBe('deployed');
    expect(await host.parameter('dev-platform-pr-28-user-service', 'Image')).toContain(second);
    expect(host.deployments(28).filter((state) => state === 'success')).toHaveLength(1);
  });

  test('a run of an outdated commit changes nothing', async () => {
    const calls = host.sandbox.calls.of('CreateChangeSet').length;
    const run = await host.run(30, {}, { headSha: 'e'.repeat(40) });
    expect(run.outputs['verdict']).toBe('superseded');
    expect(run.exitCode).toBe(1);
    expect(host.sandbox.calls.of('CreateChangeSet')).toHaveLength(calls);
    expect(await left(30)).toEqual(NOTHING);
  });

  test('a close event that arrives after reopening keeps the preview', async () => {
    await host.run(31);
    const run = await host.run(31, { command: 'remove' }, { action: 'closed' });
    expect(run.outputs).toMatchObject({
      verdict: 'skipped',
      reason: expect.stringContaining('was reopened'),
    });
    expect(host.prioritiesOf(31)).toHaveLength(1);
  });

  test('an open event that arrives after closing deploys nothing', async () => {
    host.pull(32).state = 'closed';
    const run = await host.run(32, {}, { action: 'opened' });
    expect(run.outputs).toMatchObject({ verdict: 'skipped', reason: expect.stringContaining('is closed') });
    expect(await left(32)).toEqual(NOTHING);
  });
});

test('reports what cannot be removed, and the next run removes it', async () => {
  await host.run(29);
  host.pull(29).state = 'closed';
  const failed = await host.run(29, { command: 'remove' }, { action: 'closed' });
  expect(failed.exitCode).toBe(1);
  expect(failed.outputs).toMatchObject({
    verdict: 'failed',
    reason: expect.stringContaining('currently in use by a rule'),
  });
  const removed = await host.run(29, { command: 'remove' }, { action: 'closed' });
  expect(removed.outputs['verdict']).toBe('removed');
  expect(await left(29)).toEqual(NOTHING);
});
