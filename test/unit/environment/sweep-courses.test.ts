import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { useWorkspaces } from '../../support/action.ts';
import { runPreview } from '../../support/live-preview.ts';
import { seedPreviews, stackOf } from '../../support/many-previews.ts';
import { PreviewHost } from '../../support/preview.ts';
import type { SweptPreviews } from '../../../src/environment/preview/result.ts';

const workspaceOf = useWorkspaces();
let host: PreviewHost;
beforeEach(async () => {
  host = await PreviewHost.start(workspaceOf, { timeScale: 400 });
  process.env['AWS_ENDPOINT_URL'] = host.sandbox.url;
});
afterEach(() => host.sandbox.close());

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

async function sweep(more: Parameters<typeof runPreview>[1] = {}): Promise<SweptPreviews> {
  const result = await runPreview(host, { command: 'sweep', comment: true, ...more });
  if (result.kind !== 'swept') throw new Error(result.reason);
  return result;
}

const tagsOf = async (pullRequest: number): Promise<string[]> =>
  (await host.tags()).filter((tag) => tag.startsWith(`pr-${pullRequest}-`));

test('a sweep without time tells what is left, and the next one removes it', async () => {
  await seedPreviews(
    host,
    numbers(3).map((pullRequest) => ({ pullRequest, closed: true })),
  );
  const short = await sweep({ timeoutMs: 0 });
  expect(short).toMatchObject({ verdict: 'unchanged' });
  expect(short.reason).toContain('3 left for the next sweep: no deletion begins after the timeout');
  expect(short.items.map(({ what, state }) => [what, state])).toEqual(
    numbers(3).map((pullRequest) => [stackOf(pullRequest), 'left']),
  );
  expect(host.sandbox.calls.of('DeleteStack')).toEqual([]);
  expect(await tagsOf(1)).toHaveLength(1);
  expect(host.deployments(1)).toEqual(['success']);

  expect(await sweep()).toMatchObject({ verdict: 'swept' });
  expect(await host.stacks()).toEqual([]);
  expect(await tagsOf(1)).toEqual([]);
});

test('each pull request is asked about right before its stack is deleted', async () => {
  await seedPreviews(
    host,
    numbers(45).map((pullRequest) => ({ pullRequest, closed: true })),
  );
  let deletions = 0;
  host.sandbox.beforeCalls(({ operation }) => {
    if (operation === 'DeleteStack' && ++deletions === 1) host.pull(15).state = 'open';
    return undefined;
  });
  const swept = await sweep();
  expect(await host.stacks()).toEqual([stackOf(15)]);
  expect(swept.items.filter(({ state }) => state !== 'removed')).toEqual([
    { what: stackOf(15), pullRequest: 15, state: 'kept', why: 'Pull request 15 was reopened' },
  ]);
  expect(await tagsOf(15)).toHaveLength(1);
  expect(host.deployments(15)).toEqual(['success']);
  expect(host.comments(15).join()).not.toContain('removed');
});

test('a tag that ECR keeps, or a call that it refuses, is told of the pull requests that it concerns', async () => {
  await seedPreviews(host, [
    { pullRequest: 1, closed: true },
    { pullRequest: 2, closed: true },
    { pullRequest: 3, closed: false, expired: true },
  ]);
  host.sandbox.addFault({
    operation: 'BatchDeleteImage',
    kind: 'error',
    code: 'AccessDeniedException',
    status: 400,
    times: 20,
  });
  const swept = await sweep();
  expect(swept).toMatchObject({ verdict: 'failed' });
  const failed = swept.items.filter(({ state }) => state === 'failed');
  expect(failed.map(({ pullRequest }) => pullRequest)).toEqual([1, 2]);
  expect(swept.reason.match(/The image tags could not be removed/g)).toHaveLength(1);
  expect(await host.stacks()).toEqual([]);
  expect([1, 2, 3].flatMap((pullRequest) => host.deployments(pullRequest))).toEqual(
    Array<string>(3).fill('inactive'),
  );
  // The images of an expired preview stay.
  expect(await tagsOf(3)).toHaveLength(1);
});

test('a deletion that CloudFormation refuses is told by the command that deletes one stack', async () => {
  await seedPreviews(host, [
    { pullRequest: 1, closed: true },
    { pullRequest: 2, closed: true },
  ]);
  host.sandbox.addFault({
    operation: 'DeleteStack',
    kind: 'error',
    code: 'AccessDenied',
    status: 403,
    match: { StackName: stackOf(1) },
    times: 20,
  } as Parameters<typeof host.sandbox.addFault>[0]);
  const swept = await sweep();
  expect(swept).toMatchObject({ verdict: 'failed' });
  expect(swept.undeleted.map(({ stackName }) => stackName)).toContain(stackOf(1));
});
