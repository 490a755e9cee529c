import { expect, test } from '@jest/globals';
import { job, useRehearsals, workflow } from '../rehearsal/made-up.ts';

const rehearsalOf = useRehearsals();
const push = { name: 'push' };
const WORD = "outputs: { word: '${{ steps.s.outputs.word }}' }";
const after = (needs: string) =>
  job(
    'after',
    'echo "[$WORD]"',
    `needs: ${needs}\nif: always()\nenv: { WORD: '\${{ needs.${needs}.outputs.word }}' }`,
  );

// "Outputs containing secrets are redacted on the runner and not sent to GitHub Actions." "Skip output `{output.Key}` since
// it may contain secret."
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idoutputs
test('with a masked value are dropped, and the log masks it', async () => {
  const rehearsal = await rehearsalOf({ secrets: { ACCOUNT: '111111111111' } });
  const script =
    'echo "::add-mask::s3cret"\necho "it is s3cret"\necho "uri=111111111111.dkr/x" >> "$GITHUB_OUTPUT"\necho "name=x" >> "$GITHUB_OUTPUT"\necho "key=s3cret" >> "$GITHUB_OUTPUT"';
  const outputs =
    "outputs: { uri: '${{ steps.s.outputs.uri }}', name: '${{ steps.s.outputs.name }}', key: '${{ steps.s.outputs.key }}' }";
  const report = await rehearsal.play(workflow(job('a', script, outputs)), push);
  const { outputs: kept, dropped, steps } = report.jobs['a']!;
  expect(kept).toEqual({ name: 'x' });
  expect(dropped).toEqual(['uri', 'key']);
  expect(steps[0]?.log).toBe('it is ***\n');
});

// "Job outputs containing expressions are evaluated on the runner at the end of each job." Also of one that fails: "First
// job fails but produced some output" that the second one sees.
// https://github.com/actions/runner/issues/2598
test('of a failed job are passed on', async () => {
  const rehearsal = await rehearsalOf();
  const file = workflow(job('a', 'echo "word=hello" >> "$GITHUB_OUTPUT"\nexit 1', WORD) + after('a'));
  expect((await rehearsal.play(file, push)).jobs['after']?.steps[0]?.log).toBe('[hello]\n');
});

// "If a reusable workflow that sets an output is executed with a matrix strategy, the output will be the output set by the
// last successful completing reusable workflow of the matrix which actually sets a value."
// https://docs.github.com/actions/how-tos/reuse-automations/reuse-workflows
test('of a matrix have the last value that was set', async () => {
  const rehearsal = await rehearsalOf();
  const matrix = "strategy: { matrix: { x: [one, two, ''] } }\nenv: { X: '${{ matrix.x }}' }";
  const file = workflow(job('a', 'echo "word=$X" >> "$GITHUB_OUTPUT"', `${matrix}\n${WORD}`) + after('a'));
  expect((await rehearsal.play(file, push)).jobs['after']?.steps[0]?.log).toBe('[two]\n');
});
