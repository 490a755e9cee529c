import { describe, expect, test } from '@jest/globals';
import { job, resultsOf, useRehearsals, workflow } from '../rehearsal/made-up.ts';
import type { OpenRules, StandIn } from '../rehearsal/run.ts';

const rehearsalOf = useRehearsals();
const push = { name: 'push' };

const USUAL: OpenRules = { partlySkipped: 'success', standsOnCaller: false };
const timesOut: StandIn = () => ({ exitCode: 1, timedOut: true });

/** A job `first` with this result. */
const FIRST = {
  success: job('first', 'true'),
  failure: job('first', 'exit 3'),
  skipped: job('first', 'true', 'if: false'),
  cancelled: `first:\n  runs-on: ubuntu-latest\n  steps:\n    - uses: made/up@v1\n`,
} as const;

/**
 * "If a job fails or is skipped, all jobs that need it are skipped unless the jobs use a conditional expression that causes
 * the job to continue. If a run contains a series of jobs that need each other, a failure or skip applies to all jobs in
 * the dependency chain from the point of failure or skip onwards."
 * https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idneeds
 *
 * "A default status check of `success()` is applied unless you include one of these functions." "`failure()` returns `true`
 * if any ancestor job fails." `cancelled()` "returns `true` if the workflow was canceled": one job that timed out is none.
 * https://docs.github.com/actions/reference/workflows-and-actions/expressions#status-check-functions
 */
describe('the result of a job by the result of an indirect dependency', () => {
  const CONDITIONS: [condition: string, runsAfter: (keyof typeof FIRST)[]][] = [
    ['', ['success']],
    ["github.event_name == 'push'", ['success']],
    ["needs.middle.result == 'success'", ['success']],
    ['success()', ['success']],
    ['always()', ['success', 'failure', 'skipped', 'cancelled']],
    ['!cancelled()', ['success', 'failure', 'skipped', 'cancelled']],
    ['failure()', ['failure']],
    ['!failure()', ['success', 'skipped', 'cancelled']],
    ['!cancelled() && !failure()', ['success', 'skipped', 'cancelled']],
    ['cancelled()', []],
  ];
  const cases = CONDITIONS.flatMap(([condition, runsAfter]) =>
    (Object.keys(FIRST) as (keyof typeof FIRST)[]).map(
      (end) => [condition, end, runsAfter.includes(end) ? 'success' : 'skipped'] as const,
    ),
  );

  test.each(cases)('if: "%s", after %s: %s', async (condition, end, expected) => {
    const rehearsal = await rehearsalOf({ standIns: { 'made/up': timesOut } });
    const middle = job('middle', 'true', 'needs: first\nif: always()');
    const when = condition === '' ? '' : `\nif: \${{ ${condition} }}`;
    const file = workflow(FIRST[end] + middle + job('last', 'true', `needs: middle${when}`));
    const report = await rehearsal.play(file, push);
    expect(resultsOf(report)).toEqual({ first: end, middle: 'success', last: expected });
  });
});

// "When jobA is skipped, jobC is executed but jobD is NOT." "I needed to add `if: ${{ !failure() && !cancelled() }}` in
// every job level in the dependency chain."
// https://github.com/Take-st/github-needs-bug-reproduction, of https://github.com/actions/runner/issues/2205
test('each job after a skipped one needs its own condition', async () => {
  const rehearsal = await rehearsalOf();
  const guard = 'if: ${{ !failure() && !cancelled() }}';
  const chain = (last: string) =>
    workflow(
      job('a', 'true', 'if: false') +
        job('b', 'true') +
        job('c', 'true', `needs: [a, b]\n${guard}`) +
        job('d', 'true', `needs: c\n${last}`),
    );
  const [without, having] = [await rehearsal.play(chain(''), push), await rehearsal.play(chain(guard), push)];
  expect(resultsOf(without)).toMatchObject({ c: 'success', d: 'skipped' });
  expect(resultsOf(having)).toMatchObject({ c: 'success', d: 'success' });
});

describe('a called workflow', () => {
  const PATH = '.github/workflows/called.yml';
  const HEAD = 'on:\n  workflow_call:\n    outputs: { word: { value: "${{ jobs.one.outputs.word }}" } }';
  const one = job(
    'one',
    'echo "word=hello" >> "$GITHUB_OUTPUT"',
    "outputs: { word: '${{ steps.s.outputs.word }}' }",
  );
  const called = (two: string) => ({
    [PATH]: workflow(one + job('two', 'true', `needs: one\n${two}`), HEAD, PATH),
  });
  const call = (more = '') => `call:\n  uses: $/${PATH}\n${more}`;
  const echo = (more: string) =>
    job(
      'after',
      'echo "$RESULT $WORD"',
      `needs: call\n${more}\nenv: { RESULT: '\${{ needs.call.result }}', WORD: '\${{ needs.call.outputs.word }}' }`,
    );

  // "GitHub evaluates the reusable workflow's internal jobs, not the calling job as one opaque unit": a skipped one in it
  // skips what needs the call.
  // https://github.com/orgs/community/discussions/189172
  test('with a skipped job skips dependent jobs, unless their condition allows it', async () => {
    const rehearsal = await rehearsalOf({ workflows: called('if: false'), open: USUAL });
    const without = await rehearsal.play(workflow(call() + echo('')), push);
    expect(resultsOf(without)).toEqual({
      'call / one': 'success',
      'call / two': 'skipped',
      after: 'skipped',
    });
    const having = await rehearsal.play(
      workflow(call() + echo('if: ${{ !cancelled() && !failure() }}')),
      push,
    );
    expect(having.jobs['after']?.steps[0]?.log).toBe('success hello\n');
  });

  // "Please explain how the results of "inner" jobs influence the result of the calling job. (any fails -> fail, most pass
  // but some skipped -> pass, all skipped ->?s?p )": not documented, so both are played.
  // https://github.com/github/docs/issues/30296
  test.each(['success', 'skipped'] as const)(
    'some of whose jobs were skipped is %s',
    async (partlySkipped) => {
      const rehearsal = await rehearsalOf({
        workflows: called('if: false'),
        open: { ...USUAL, partlySkipped },
      });
      const report = await rehearsal.play(workflow(call() + echo('if: always()')), push);
      expect(report.jobs['after']?.steps[0]?.log).toBe(`${partlySkipped} hello\n`);
      expect(report.result).toBe('success');
    },
  );

  test('one of whose jobs fails is a failure', async () => {
    const failing = { [PATH]: workflow(one + job('two', 'exit 1', 'needs: one'), HEAD, PATH) };
    const rehearsal = await rehearsalOf({ workflows: failing, open: USUAL });
    const report = await rehearsal.play(workflow(call() + echo('if: failure()')), push);
    expect(report.jobs['after']?.steps[0]?.log).toBe('failure hello\n');
    expect(report.result).toBe('failure');
  });

  // "The jobs are skipped when using reusable workflows containing multiple jobs even though I used every mix of previously
  // mentioned fixes."
  // https://github.com/actions/runner/issues/2205
  test.each([
    [true, 'skipped'],
    [false, 'success'],
  ])('whose caller depends on a skipped job, if it counts (%p): %s', async (standsOnCaller, expected) => {
    const rehearsal = await rehearsalOf({
      workflows: called('if: ${{ !cancelled() }}'),
      open: { ...USUAL, standsOnCaller },
    });
    const caller = call('  needs: first\n  if: always()\n');
    const report = await rehearsal.play(workflow(FIRST.skipped + caller), push);
    expect(resultsOf(report)).toEqual({ first: 'skipped', 'call / one': expected, 'call / two': 'success' });
  });
});

// "The `needs` context contains outputs from all jobs that are defined as a direct dependency of the current job. Note that
// this doesn't include implicitly dependent jobs".
// https://docs.github.com/actions/reference/workflows-and-actions/contexts#needs-context
test('needs has only direct dependencies, and a skipped one has no outputs', async () => {
  const rehearsal = await rehearsalOf();
  const outputs = "outputs: { word: '${{ steps.s.outputs.word }}' }";
  const say = 'echo "word=hello" >> "$GITHUB_OUTPUT"';
  const file = workflow(
    job('first', say, outputs) +
      job('second', say, `needs: first\nif: false\n${outputs}`) +
      job(
        'third',
        'echo "[$FIRST] [$SECOND] $RESULT"',
        "needs: second\nif: always()\nenv: { FIRST: '${{ needs.first.outputs.word }}', SECOND: '${{ needs.second.outputs.word }}', RESULT: '${{ needs.second.result }}' }",
      ),
  );
  const report = await rehearsal.play(file, push);
  expect(report.jobs['third']?.steps[0]?.log).toBe('[] [] skipped\n');
});
