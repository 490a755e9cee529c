import { expect, test } from '@jest/globals';
import { gate, job, LEAD, resultsOf, useRehearsals, workflow } from '../rehearsal/made-up.ts';

const rehearsalOf = useRehearsals();
const push = { name: 'push' };
const environments = [{ name: 'prod', reviewers: ['lead'] }];

/**
 * Runs of one job that waits for the environment and holds its group. The gate opens when the first of them requests a
 * review; the test releases them.
 */
async function started(concurrency: string, count: number, where: 'job' | 'workflow' = 'job') {
  const gates = Array.from({ length: count }, () => gate<'approved'>());
  const order: number[] = [];
  const first = gate<undefined>();
  const reviewer = {
    token: LEAD,
    review: (_: string, run: { number: number }) => {
      order.push(run.number);
      first.open(undefined);
      return gates[run.number - 1]!.passed;
    },
  };
  const rehearsal = await rehearsalOf({ reviewer }, { environments });
  const [own, whole] =
    where === 'job' ? [`\nconcurrency: ${concurrency}`, ''] : ['', `\nconcurrency: ${concurrency}`];
  const file = workflow(job('deploy', 'true', `environment: prod${own}`), `on: push${whole}`);
  const runs = gates.map(() => rehearsal.start(file, push));
  const openAll = (): void => {
    for (const { open } of gates) open('approved');
  };
  await first.passed;
  return { gates, runs, order, openAll, rehearsal };
}

const results = (runs: { finished: Promise<{ result: string }> }[]) =>
  Promise.all(runs.map(async ({ finished }) => (await finished).result));

/** Time for what must not happen. The test waits for what must happen. */
const settle = () => new Promise((done) => setTimeout(done, 300));

// "A second workflow run will be blocked and cannot be approved until the first workflow run is approved."
// https://github.com/orgs/community/discussions/17401
test('a job that waits for an approval holds its group, so no approval is requested for the next one', async () => {
  const { gates, runs, order } = await started('{ group: deploy-prod, queue: max }', 2);
  gates[1]!.open('approved');
  await settle();
  expect(order).toEqual([1]);
  gates[0]!.open('approved');
  expect(await results(runs)).toEqual(['success', 'success']);
  expect(order).toEqual([1, 2]);
});

// "if another job or workflow using the same concurrency group in the repository is in progress, the queued job or
// workflow will be `pending`": a group is the repository's, not the workflow's.
// https://docs.github.com/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
test('a rollback waits in the group of an unapproved run, but not without a group', async () => {
  const { runs, rehearsal } = await started('{ group: deploy-prod, queue: max }', 1);
  const path = '.github/workflows/rollback.yml';
  const rollback = (more: string) => workflow(job('rollback', 'true', more), 'on: push', path);
  const waiting = rehearsal.start(rollback('concurrency: { group: Deploy-Prod, queue: max }'), push);
  const free = await rehearsal.play(rollback(''), push);
  expect(free.result).toBe('success');
  expect(await Promise.race([waiting.finished, settle().then(() => 'waits')])).toBe('waits');
  runs[0]!.cancel();
  expect((await waiting.finished).result).toBe('success');
});

// "So a release that nobody approves holds the group for as long as the approval is outstanding, and every later release
// queues behind it without ever scheduling a job."
// https://github.com/hephaestus-build/Hephaestus/pull/1962
test('a workflow that waits for an approval holds its group', async () => {
  const { runs, order, openAll } = await started('deploy-prod', 2, 'workflow');
  await settle();
  expect(order).toEqual([1]);
  openAll();
  expect(await results(runs)).toEqual(['success', 'success']);
});

// "Skipped jobs never enter a job-level group"
// https://github.com/djtelicloud/grok-mcp-server/pull/498
test('a skipped job does not enter its group', async () => {
  const { runs, rehearsal, openAll } = await started('deploy-prod', 1);
  const skipped = workflow(job('a', 'true', 'if: false\nconcurrency: deploy-prod'));
  expect(resultsOf(await rehearsal.play(skipped, push))).toEqual({ a: 'skipped' });
  openAll();
  expect(await results(runs)).toEqual(['success']);
});

// "When a new job or workflow run is queued, any existing `pending` job or workflow run in the same group is canceled and
// replaced."
// https://docs.github.com/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
test('one runs, one waits, and a newer one replaces the waiting one', async () => {
  const { runs, openAll } = await started('deploy-prod', 3);
  expect((await runs[1]!.finished).jobs['deploy']).toMatchObject({ result: 'cancelled' });
  openAll();
  expect(await results(runs)).toEqual(['success', 'cancelled', 'success']);
});

// "Up to 100 jobs or workflow runs can be `pending` in the concurrency group. When the queue is full, any additional jobs
// or workflow runs are canceled." "processed in first-in-first-out (FIFO) order according to the time each one started
// waiting on the concurrency group"
// https://docs.github.com/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
test('with queue: max, a hundred wait in order', async () => {
  const { runs, order, openAll } = await started('{ group: deploy-prod, queue: max }', 102);
  openAll();
  const ends = await results(runs);
  expect(ends.slice(0, 101).filter((end) => end !== 'success')).toEqual([]);
  expect(ends[101]).toBe('cancelled');
  expect(order).toEqual(Array.from({ length: 101 }, (_, index) => index + 1));
});

// "To also cancel any currently running job or workflow in the same concurrency group, specify
// `cancel-in-progress: true`."
// https://docs.github.com/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
test('cancel-in-progress cancels the running job', async () => {
  const { gates, runs } = await started('{ group: deploy-prod, cancel-in-progress: true }', 2);
  expect((await runs[0]!.finished).result).toBe('cancelled');
  gates[1]!.open('approved');
  expect(await results(runs)).toEqual(['cancelled', 'success']);
});

// "The combination of `queue: max` and `cancel-in-progress: true` is not allowed and will result in a workflow validation
// error."
// https://docs.github.com/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
test('queue: max with cancel-in-progress is refused', async () => {
  const rehearsal = await rehearsalOf();
  const both = workflow(job('a', 'true', 'concurrency: { group: x, queue: max, cancel-in-progress: true }'));
  expect((await rehearsal.play(both, push)).refused).toBe(
    'cancel-in-progress is not allowed with queue: max',
  );
});
