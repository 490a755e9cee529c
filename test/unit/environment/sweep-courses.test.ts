import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { gitHubState } from '../../../sandbox/github/state.ts';
import { useWorkspaces } from '../../support/action.ts';
import { runPreview } from '../../support/live-preview.ts';
import { seedPreviews, stackOf } from '../../support/many-previews.ts';
import { PreviewHost } from '../../support/preview.ts';
import type { SweptPreviews } from '../../../src/environment/preview/result.ts';

const workspaceOf = useWorkspaces();
let host: PreviewHost;
beforeAll(async () => {
  host = await PreviewHost.start(workspaceOf, { timeScale: 400 });
  process.env['AWS_ENDPOINT_URL'] = host.sandbox.url;
});
afterAll(() => host.sandbox.close());

/** The remains of another test are removed, and its numbers are not used again. */
let first = 1;
beforeEach(async () => {
  for (const pull of gitHubState(host.sandbox.world).pulls) pull.state = 'closed';
  await sweep();
  first += 100;
});

const numbers = (count: number) => Array.from({ length: count }, (_, index) => first + index);

async function sweep(more: Parameters<typeof runPreview>[1] = {}): Promise<SweptPreviews> {
  const result = await runPreview(host, { command: 'sweep', comment: true, ...more });
  if (result.kind !== 'swept') throw new Error(result.reason);
  return result;
}

const tagsOf = async (pullRequest: number): Promise<string[]> =>
  (await host.tags()).filter((tag) => tag.startsWith(`pr-${pullRequest}-`));

test('a sweep that times out reports what is left, and the next one removes it', async () => {
  await seedPreviews(
    host,
    numbers(3).map((pullRequest) => ({ pullRequest, closed: true })),
  );
  const short = await sweep({ timeoutMs: 0 });
  expect(short).toMatchObject({ verdict: 'unchanged' });
  expect(short.reason).toContain('3 left for the next sweep.');
  expect(short.items[0]?.why).toBe('the timeout of <1s was reached; the next sweep removes it');
  expect(short.items.map(({ what, state }) => [what, state])).toEqual(
    numbers(3).map((pullRequest) => [stackOf(pullRequest), 'left']),
  );
  expect(await host.stacks()).toHaveLength(3);
  expect(await tagsOf(first)).toHaveLength(1);
  expect(host.deployments(first)).toEqual(['success']);

  expect(await sweep()).toMatchObject({ verdict: 'swept' });
  expect(await host.stacks()).toEqual([]);
  expect(await tagsOf(first)).toEqual([]);
});

test('the state of each pull request is read right before its stack is deleted', async () => {
  await seedPreviews(
    host,
    numbers(20).map((pullRequest) => ({ pullRequest, closed: true })),
  );
  // More than those that are read together with the first one.
  const last = first + 14;
  let deletions = 0;
  host.sandbox.beforeCalls(({ operation }) => {
    if (operation === 'DeleteStack' && ++deletions === 1) host.pull(last).state = 'open';
    return undefined;
  });
  const swept = await sweep();
  host.sandbox.beforeCalls(undefined);
  expect(await host.stacks()).toEqual([stackOf(last)]);
  expect(swept.items.filter(({ state }) => state !== 'removed')).toEqual([
    { what: stackOf(last), pullRequest: last, state: 'kept', why: `Pull request ${last} was reopened` },
  ]);
  expect(await tagsOf(last)).toHaveLength(1);
  expect(host.deployments(last)).toEqual(['success']);
  expect(host.comments(last).join()).not.toContain('removed');
});

test('a tag that ECR does not delete is reported for its pull requests', async () => {
  await seedPreviews(host, [
    { pullRequest: first, closed: true },
    { pullRequest: first + 1, closed: true },
    { pullRequest: first + 2, closed: false, expired: true },
  ]);
  host.sandbox.addFault({
    operation: 'BatchDeleteImage',
    kind: 'error',
    code: 'AccessDeniedException',
    status: 400,
    times: 1,
  });
  const swept = await sweep();
  expect(swept).toMatchObject({ verdict: 'failed' });
  const failed = swept.items.filter(({ state }) => state === 'failed');
  expect(failed.map(({ pullRequest }) => pullRequest)).toEqual([first, first + 1]);
  expect(swept.reason.match(/Failed to remove the image tags/g)).toHaveLength(1);
  expect(await host.stacks()).toEqual([]);
  expect(numbers(3).flatMap((pullRequest) => host.deployments(pullRequest))).toEqual(
    Array<string>(3).fill('inactive'),
  );
  // The images of an expired preview remain.
  expect(await tagsOf(first + 2)).toHaveLength(1);
});

test.each([
  { operation: 'DescribeRepositories', nth: 1, what: 'image tags', stacks: 0 },
  { operation: 'DescribeStacks', nth: 2, what: 'stacks', stacks: 2 },
])(
  'a sweep ended by $operation reports what was done and what was not',
  async ({ operation, nth, what, stacks }) => {
    await seedPreviews(host, [
      { pullRequest: first, closed: true },
      { pullRequest: first + 1, closed: true },
    ]);
    host.sandbox.addFault({ operation, nth, kind: 'error', code: 'AccessDenied', status: 403, times: 1 });
    const swept = await sweep();
    expect(swept).toMatchObject({ verdict: 'failed' });
    expect(swept.reason).toContain(`Failed to remove the ${what}: AccessDenied`);
    expect(swept.items.filter(({ state }) => state === 'removed')).toHaveLength(2 - stacks);
    expect(host.comments(first).join()).toContain('was only partly removed');
    expect(await sweep()).toMatchObject({ verdict: 'swept' });
    expect(await tagsOf(first)).toEqual([]);
  },
);

test('a refused deletion is reported with the command that deletes the stack', async () => {
  await seedPreviews(host, [
    { pullRequest: first, closed: true },
    { pullRequest: first + 1, closed: true },
  ]);
  host.sandbox.addFault({
    operation: 'DeleteStack',
    kind: 'error',
    code: 'AccessDenied',
    status: 403,
    times: 100,
  });
  const swept = await sweep();
  expect(swept).toMatchObject({ verdict: 'failed' });
  expect(swept.undeleted.map(({ stackName }) => stackName)).toEqual([stackOf(first), stackOf(first + 1)]);
  expect(swept.reason).toContain('AccessDenied');
});
