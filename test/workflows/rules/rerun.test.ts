import { expect, test } from '@jest/globals';
import { job, LEAD, resultsOf, useRehearsals, workflow } from '../rehearsal/made-up.ts';

const rehearsalOf = useRehearsals();
const event = { name: 'push', sha: 'a'.repeat(40) };

/** Prints its attempt, and fails in the first one if requested. */
const saying = (name: string, more = '', script = '') =>
  job(
    name,
    `echo "attempt=$GITHUB_RUN_ATTEMPT" >> "$GITHUB_OUTPUT"\n${script}`,
    `outputs: { attempt: '\${{ steps.s.outputs.attempt }}' }\n${more}`,
  );
const failsOnce = '[ "$GITHUB_RUN_ATTEMPT" != 1 ]';
const see = (need: string) =>
  job(
    'see',
    'echo "$GITHUB_RUN_NUMBER $GITHUB_SHA $SEEN"',
    `needs: [${need}]\nenv: { SEEN: '\${{ needs.${need}.outputs.attempt }}' }`,
  );

// "Re-run workflows use […] the same `GITHUB_SHA` (commit SHA) and `GITHUB_REF` (git ref) of the original event that
// triggered the workflow run." `github.run_number`: "This number does not change if you re-run the workflow run."
// https://docs.github.com/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs
test('all jobs: each runs again for the same commit, as the next attempt of the run', async () => {
  const rehearsal = await rehearsalOf();
  const first = await rehearsal.play(workflow(saying('a') + see('a')), event);
  const second = await rehearsal.rerun(first, 'all');
  expect([first.attempt, second.attempt, second.id]).toEqual([1, 2, first.id]);
  expect(first.jobs['see']?.steps[0]?.log).toBe(`1 ${event.sha} 1\n`);
  expect(second.jobs['see']?.steps[0]?.log).toBe(`1 ${event.sha} 2\n`);
});

// "When you re-run failed jobs or a specific job, GitHub also re-runs the jobs that depend on them. Jobs that aren't
// included keep their outputs from the previous attempt, which the newly run jobs can use."
// https://docs.github.com/enterprise-server@3.21/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs
test('failed jobs: dependent jobs run again, and the others keep their outputs', async () => {
  const rehearsal = await rehearsalOf();
  const file = workflow(
    saying('kept') +
      saying('fails', 'needs: kept', failsOnce) +
      saying('depends', 'needs: fails') +
      see('kept'),
  );
  const first = await rehearsal.play(file, event);
  expect(resultsOf(first)).toEqual({ kept: 'success', fails: 'failure', depends: 'skipped', see: 'success' });
  const second = await rehearsal.rerun(first, 'failed');
  expect(resultsOf(second)).toEqual({
    kept: 'success',
    fails: 'success',
    depends: 'success',
    see: 'success',
  });
  const attempts = ['kept', 'fails', 'depends'].map((name) => second.jobs[name]?.outputs['attempt']);
  expect(attempts).toEqual(['1', '2', '2']);
});

test('failed jobs: in a called workflow, only the failed ones run again', async () => {
  const path = '.github/workflows/called.yml';
  const head =
    'on:\n  workflow_call:\n    outputs: { attempt: { value: "${{ jobs.plan.outputs.attempt }}" } }';
  const called = workflow(saying('plan') + saying('apply', 'needs: plan', failsOnce), head, path);
  const rehearsal = await rehearsalOf({ workflows: { [path]: called } });
  const first = await rehearsal.play(workflow(`call: { uses: $/${path} }\n${see('call')}`), event);
  expect(resultsOf(first)).toEqual({ 'call / plan': 'success', 'call / apply': 'failure', see: 'skipped' });
  const second = await rehearsal.rerun(first, 'failed');
  expect(second.result).toBe('success');
  expect(second.jobs['call / plan']).toBe(first.jobs['call / plan']);
  expect(second.jobs['see']?.steps[0]?.log).toBe(`1 ${event.sha} 1\n`);
});

// "Any protection rules configured for the environment must pass before a job referencing the environment is sent to a
// runner": of each attempt.
// https://docs.github.com/actions/concepts/workflows-and-actions/deployment-environments
test('requires the approvals again', async () => {
  let asked = 0;
  const review = () => {
    asked += 1;
    return Promise.resolve(asked === 1 ? ('rejected' as const) : ('approved' as const));
  };
  const github = { environments: [{ name: 'prod', reviewers: ['lead'] }] };
  const rehearsal = await rehearsalOf({ reviewer: { token: LEAD, review } }, github);
  const first = await rehearsal.play(workflow(job('a', 'true', 'environment: prod')), event);
  const second = await rehearsal.rerun(first, 'failed');
  expect([first.result, second.result, asked]).toEqual(['failure', 'success', 2]);
});
