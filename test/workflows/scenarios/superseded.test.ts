import { expect, test } from '@jest/globals';
import { node24 } from '../../runtime/node24.js';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { gate } from '../rehearsal/made-up.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import { workflowFile } from '../workflow.ts';
import { GITHUB, LEAD, verdictsOf } from './stage.ts';

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();

/** The jobs of deploy.yml that matter for approvals. */
const WORKFLOW = workflowFile(
  '.github/workflows/made-up.yml',
  `
on: push
jobs:
  plan:
    runs-on: ubuntu-latest
    permissions: { actions: write }
    steps:
      - uses: $/actions/supersede-runs
        with: { environment: staging }
  apply:
    needs: plan
    runs-on: ubuntu-latest
    environment: staging
    steps:
      - run: echo applied
`,
);

/** Runs of the workflow; each waits for its own answer, and `waits` resolves when it requests it. */
async function stage(queued: string[] = []) {
  const sandbox = await sandboxOf({ scenario: { github: GITHUB } });
  const runners = new Map(queued.map((job) => [job, gate<undefined>()]));
  const runs = new Map<
    number,
    { waits: ReturnType<typeof gate<undefined>>; answer: ReturnType<typeof gate<'approved'>> }
  >();
  const run = (number: number) => {
    const known = runs.get(number) ?? { waits: gate<undefined>(), answer: gate<'approved'>() };
    runs.set(number, known);
    return known;
  };
  const review = (_environment: string, { number }: { number: number }) => {
    run(number).waits.open(undefined);
    return run(number).answer.passed;
  };
  const rehearsal = new Rehearsal({
    sandbox,
    repository: workspaceOf({}),
    node: [node24()],
    reviewer: { token: LEAD, review },
    pickUp: (job, { number }) => runners.get(`${number}: ${job}`)?.passed ?? Promise.resolve(),
  });
  const start = () => rehearsal.start(WORKFLOW, { name: 'push' });
  const pickUp = (job: string) => runners.get(job)?.open(undefined);
  return {
    start,
    pickUp,
    waits: (number: number) => run(number).waits.passed,
    approve: (number: number) => {
      run(number).answer.open('approved');
    },
  };
}

test('a newer run supersedes one that waits for an approval', async () => {
  const { start, waits, approve } = await stage();
  const first = start();
  await waits(1);
  const second = start();
  await waits(2);
  approve(2);
  expect(verdictsOf(await second.finished)).toEqual({ plan: 'superseded', apply: 'success' });
  expect(verdictsOf(await first.finished)).toEqual({ plan: 'unchanged', apply: 'cancelled' });
});

test('a queued older run does not cancel a waiting newer one, and is outdated', async () => {
  const { start, pickUp, waits, approve } = await stage(['1: plan']);
  const older = start();
  const newer = start();
  await waits(2);
  pickUp('1: plan');
  expect(verdictsOf(await older.finished)).toEqual({ plan: 'outdated', apply: 'skipped' });
  approve(2);
  expect(verdictsOf(await newer.finished)).toEqual({ plan: 'unchanged', apply: 'success' });
});

test('an approved older run continues, also while it is queued', async () => {
  const { start, pickUp, waits, approve } = await stage(['1: apply']);
  const older = start();
  await waits(1);
  approve(1);
  const newer = start();
  await waits(2);
  approve(2);
  expect(verdictsOf(await newer.finished)).toEqual({ plan: 'unchanged', apply: 'success' });
  pickUp('1: apply');
  expect(verdictsOf(await older.finished)).toEqual({ plan: 'unchanged', apply: 'success' });
});
