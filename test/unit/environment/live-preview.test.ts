import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  CloudFormationClient,
  DeleteStackCommand,
  DescribeStacksCommand,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import type { LoggedCall } from '../../../sandbox/server/calls.ts';
import type { PreviewRequest } from '../../../src/environment/preview/context.ts';
import type { PreviewResult } from '../../../src/environment/preview/result.ts';
import { useWorkspaces } from '../../support/action.ts';
import { clientOf } from '../../support/aws-clients.ts';
import { runPreview } from '../../support/live-preview.ts';
import { PreviewHost } from '../../support/preview.ts';

/**
 * A removal is played once for each of its calls: just before the call, the pull request is reopened, or its preview is
 * deployed again. From then on, the removal may not delete anything. Only a request that is in progress at that moment
 * cannot be stopped, because AWS and GitHub support no conditions on deletions.
 */
const workspaceOf = useWorkspaces();
let host: PreviewHost;
let number = 100;
beforeAll(async () => {
  host = await PreviewHost.start(workspaceOf);
  process.env['AWS_ENDPOINT_URL'] = host.sandbox.url;
});
afterAll(() => host.sandbox.close());

const run = (request: Partial<PreviewRequest>, action: string): Promise<PreviewResult> =>
  runPreview(host, request, action);

const deploy = (pullRequest: number, more: Partial<PreviewRequest> = {}) =>
  run(
    {
      pullRequest,
      services: [
        { name: 'user-service', image: host.digest, repository: 'platform/user-service', parameters: {} },
      ],
      ...more,
    },
    'synchronize',
  );

async function stackOf(pullRequest: number): Promise<Stack | undefined> {
  const StackName = `dev-platform-pr-${pullRequest}-user-service`;
  try {
    const { Stacks } = await clientOf(host.sandbox, CloudFormationClient).send(
      new DescribeStacksCommand({ StackName }),
    );
    return Stacks?.[0];
  } catch {
    return undefined;
  }
}

interface Left {
  stack: string | undefined;
  tags: string[];
  deployments: string[];
}

/** The existing parts of a preview, without a stack that is being deleted. */
async function left(pullRequest: number): Promise<Left> {
  const stack = await stackOf(pullRequest);
  return {
    stack: stack?.StackStatus?.endsWith('_COMPLETE') === true ? stack.StackId : undefined,
    tags: (await host.tags()).filter((tag) => tag.startsWith(`pr-${pullRequest}-`)),
    deployments: host.deployments(pullRequest),
  };
}

interface Removal {
  name: string;
  /** The pull request's number is new. */
  prepare: (pullRequest: number) => Promise<void>;
  remove: (pullRequest: number) => Promise<PreviewResult>;
  revive: (pullRequest: number) => Promise<void>;
}

async function opened(pullRequest: number, more: Partial<PreviewRequest> = {}): Promise<void> {
  await host.push(pullRequest);
  const { verdict, reason } = await deploy(pullRequest, more);
  if (verdict !== 'deployed') throw new Error(reason);
}

async function closed(pullRequest: number): Promise<void> {
  await opened(pullRequest);
  host.pull(pullRequest).state = 'closed';
}

function reopen(pullRequest: number): Promise<void> {
  host.pull(pullRequest).state = 'open';
  return Promise.resolve();
}

/** Another commit, as in a push after a reopening. */
async function redeploy(pullRequest: number): Promise<void> {
  Object.assign(host.pull(pullRequest), { state: 'open', sha: 'f'.repeat(40) });
  await opened(pullRequest);
}

const close = (pullRequest: number) => run({ command: 'remove', pullRequest }, 'closed');
const sweep = () => run({ command: 'sweep' }, '');
const expired = (pullRequest: number) => opened(pullRequest, { timeToLiveMs: -100_000_000 });

const REMOVALS: Removal[] = [
  { name: 'closing, reopened', prepare: closed, remove: close, revive: reopen },
  { name: 'sweep of a closed one, redeployed', prepare: closed, remove: sweep, revive: redeploy },
  { name: 'sweep of an expired one, redeployed', prepare: expired, remove: sweep, revive: redeploy },
];

/** Runs `work` just before the call with this number, and calls `onCall` with the operation of every other call. */
function before(
  at: number,
  work: (call: LoggedCall) => Promise<void>,
  onCall: (call: LoggedCall) => void,
): void {
  let [calls, busy] = [0, false];
  host.sandbox.beforeCalls((call) => {
    if (busy) return undefined;
    onCall(call);
    if (++calls !== at) return undefined;
    busy = true;
    return work(call).then(() => {
      busy = false;
    });
  });
}

/** The numbers of the calls to interrupt: the first two and the last of an operation that is polled. */
function pointsOf(operations: readonly string[]): number[] {
  const points = operations.flatMap((operation, index) => {
    const earlier = operations.slice(0, index).filter((one) => one === operation).length;
    return earlier < 2 || !operations.includes(operation, index + 1) ? [index + 1] : [];
  });
  return points;
}

/** Plays a removal in which the preview is revived before call `at`, if there is such a call. */
async function play({ prepare, remove, revive }: Removal, at: number) {
  const pullRequest = ++number;
  await prepare(pullRequest);
  const operations: string[] = [];
  let revived: { there: Left; operation: string } | undefined;
  before(
    at,
    async ({ operation }) => {
      await revive(pullRequest);
      revived = { there: await left(pullRequest), operation };
    },
    ({ operation }) => operations.push(operation),
  );
  const { verdict, reason } = await remove(pullRequest);
  host.sandbox.beforeCalls(undefined);
  const after = await left(pullRequest);
  host.pull(pullRequest).state = 'closed';
  await close(pullRequest);
  return { ...revived, after, verdict, reason, operations };
}

/** What must exist after the removal. A request in progress can delete its target. */
function expectedOf(there: Left, after: Left, operation: string): Left {
  const isStackGone = operation === 'DeleteStack' && after.stack === undefined;
  const isRetired = isStackGone || operation === 'repos/create-deployment-status';
  return {
    stack: isStackGone ? undefined : there.stack,
    tags: operation === 'BatchDeleteImage' ? after.tags : there.tags,
    deployments: isRetired ? after.deployments : there.deployments,
  };
}

test.each(REMOVALS)(
  'a recreated preview is not changed: $name',
  async (removal) => {
    const points = pointsOf((await play(removal, 0)).operations);
    const wrong: object[] = [];
    for (const at of points) {
      const { there, after, operation = '', ...result } = await play(removal, at);
      if (!there) continue;
      const expected = expectedOf(there, after, operation);
      if (JSON.stringify(after) !== JSON.stringify(expected)) {
        wrong.push({ at, operation, there, after, ...result });
      }
    }
    console.log(`${removal.name}: revived before each of ${points.length} calls`);
    expect(wrong).toEqual([]);
    expect(points.length).toBeGreaterThan(8);
  },
  600_000,
);

/** Deletes the stack, like a job that removes previews and whose request was in progress. */
async function deleteStackOf(pullRequest: number): Promise<void> {
  const StackName = `dev-platform-pr-${pullRequest}-user-service`;
  await clientOf(host.sandbox, CloudFormationClient)
    .send(new DeleteStackCommand({ StackName }))
    .catch(() => undefined);
}

/** Plays a deployment whose stack is deleted before call `at`. */
async function playDeployment(prepare: (pullRequest: number) => Promise<unknown>, at: number) {
  const pullRequest = ++number;
  await prepare(pullRequest);
  Object.assign(host.pull(pullRequest), { sha: 'f'.repeat(40) });
  const operations: string[] = [];
  let [faulty, seen, existed] = ['', false, false];
  before(
    at,
    async () => {
      existed = (await stackOf(pullRequest)) !== undefined;
      await deleteStackOf(pullRequest);
    },
    ({ operation, input }) => {
      operations.push(operation);
      if (operations.length === at) faulty = operation;
      // The list of all stacks, which shows the deployment what exists.
      if (faulty !== '' && operation === 'DescribeStacks' && !('StackName' in input)) seen = true;
    },
  );
  const { verdict, reason } = await deploy(pullRequest);
  host.sandbox.beforeCalls(undefined);
  const isThere = (await left(pullRequest)).stack !== undefined;
  host.pull(pullRequest).state = 'closed';
  await close(pullRequest);
  return { at, faulty, seen, existed, verdict, reason, isThere, operations };
}

test.each([
  { name: 'first deployment', prepare: (pullRequest: number) => host.push(pullRequest) },
  { name: 'later deployment', prepare: opened },
])(
  'a $name repeats deployments that were deleted in the meantime',
  async ({ prepare, name }) => {
    const points = pointsOf((await playDeployment(prepare, 0)).operations);
    const plays: Awaited<ReturnType<typeof playDeployment>>[] = [];
    for (const at of points) plays.push(await playDeployment(prepare, at));
    const deleted = plays.filter(({ existed }) => existed);
    console.log(`${name}: the stack was deleted before ${deleted.length} of ${points.length} calls`);
    expect(
      plays.filter(({ verdict, isThere, seen }) => verdict !== 'deployed' || (seen && !isThere)),
    ).toEqual([]);
    expect(deleted.length).toBeGreaterThan(8);
  },
  600_000,
);

test('a stack that keeps being deleted is a conflict', async () => {
  const pullRequest = ++number;
  host.sandbox.beforeCalls((call) =>
    call.operation === 'ExecuteChangeSet' ? deleteStackOf(pullRequest) : undefined,
  );
  const result = await deploy(pullRequest);
  host.sandbox.beforeCalls(undefined);
  const message = `Stack dev-platform-pr-${pullRequest}-user-service was deleted during its deployment by another job: a sweep, or the removal after the pull request was closed.`;
  expect(result).toMatchObject({
    verdict: 'failed',
    reason: `user-service: ${message} Fix: Run the job again.`,
    services: [{ run: { result: { error: { code: 'conflict', message, fix: 'Run the job again.' } } } }],
  });
});
