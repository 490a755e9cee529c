import { expect, test } from '@jest/globals';
import { node24 } from '../../runtime/node24.js';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import type { RunReport } from '../rehearsal/report.ts';
import type { OpenRules, StandIn } from '../rehearsal/run.ts';
import { readWorkflow } from '../workflow.ts';
import type { WorkflowFile } from '../workflow.ts';
import { GITHUB, LEAD } from './stage.ts';

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();

const COMMIT = 'c'.repeat(40);
const IMAGES = '{"api":"sha256:1"}';

const OPEN_RULES: OpenRules[] = [true, false].flatMap((standsOnCaller) =>
  (['success', 'skipped'] as const).map((partlySkipped) => ({ standsOnCaller, partlySkipped })),
);

/** The course of an environment in the pipeline, and the results of its jobs. */
const WAYS = {
  changed: { plan: 'success', apply: 'success' },
  unchanged: { plan: 'success', apply: 'skipped' },
  'awaits an approver': { plan: 'success', apply: 'skipped' },
  'plan failed': { plan: 'failure', apply: 'skipped' },
  'plan timed out': { plan: 'cancelled', apply: 'skipped' },
  outdated: { plan: 'failure', apply: 'skipped' },
  'apply rejected': { plan: 'success', apply: 'failure' },
  'apply failed': { plan: 'success', apply: 'failure' },
  'apply timed out': { plan: 'success', apply: 'cancelled' },
  cancelled: { plan: 'success', apply: 'cancelled' },
} as const;
type Way = keyof typeof WAYS;

const NAMES = ['dev', 'staging', 'prod'] as const;
type Name = (typeof NAMES)[number];
type Ways = Record<Name, Way>;

interface Call {
  environment: string;
  images: string;
  ref: string;
}

/** Plays the caller of the pipeline with simulated actions; `calls` contains the inputs of each plan. */
async function stageOf() {
  const environments = NAMES.map((name) => ({ name, reviewers: ['lead'] }));
  const sandbox = await sandboxOf({ scenario: { github: { ...GITHUB, environments } } });
  const repository = workspaceOf({});
  return async (ways: Ways, open: OpenRules, inputs: Record<string, string> = {}) => {
    const calls: Call[] = [];
    const wayOf = (name = ''): Way => ways[name as Name];
    let checkedOut = '';
    const standIns: Record<string, StandIn> = {
      'actions/checkout': ({ inputs: { ref = '' } }) => {
        checkedOut = ref;
        return {};
      },
      'actions/deploy-environment': ({ inputs: { command, environment = '' } }) => {
        const way = wayOf(environment);
        if (command === 'apply') return endOf(way, 'apply', { images: IMAGES });
        const hasChanges = {
          commit: COMMIT,
          'has-changes': String(way !== 'unchanged'),
          'awaits-approval': String(way === 'awaits an approver'),
        };
        if (environment !== 'dev') return { outputs: hasChanges };
        calls.push({ environment, images: '', ref: checkedOut });
        return endOf(way, 'plan', { ...hasChanges, ...(way === 'unchanged' && { images: IMAGES }) });
      },
      'actions/promote-environment': ({ inputs: { to = '', 'up-to': images = '', 'dry-run': dryRun } }) => {
        if (dryRun !== 'true') return {};
        calls.push({ environment: to, images, ref: checkedOut });
        const way = wayOf(to);
        return endOf(way, 'plan', { 'has-changes': String(way !== 'unchanged'), images });
      },
      'actions/supersede-runs': ({ inputs: { environment } }) =>
        wayOf(environment) === 'outdated' ? { exitCode: 1 } : {},
    };
    const review = (environment: string) => {
      const way = wayOf(environment);
      if (way === 'cancelled') {
        run.cancel();
        return new Promise<'approved'>(() => undefined);
      }
      return Promise.resolve(way === 'apply rejected' ? ('rejected' as const) : ('approved' as const));
    };
    const stage = { sandbox, repository, node: [node24()] as const, reviewer: { token: LEAD, review } };
    const rehearsal = new Rehearsal({ ...stage, standIns, open });
    const run = rehearsal.start(callerWith(inputs), { name: 'push', sha: COMMIT });
    return { report: await run.finished, calls };
  };
}

function endOf(way: Way, job: 'plan' | 'apply', outputs: Record<string, string>) {
  if (way === `${job} failed`) return { exitCode: 1, outputs };
  if (way === `${job} timed out`) return { exitCode: 1, timedOut: true, outputs };
  return { outputs };
}

function callerWith(inputs: Record<string, string>): WorkflowFile {
  const file = readWorkflow('workflows/pipeline.yml');
  const { pipeline } = file.workflow.jobs;
  return {
    ...file,
    workflow: {
      ...file.workflow,
      jobs: { pipeline: { ...pipeline, with: { ...pipeline?.with, ...inputs } } },
    },
  };
}

/** The results of a run's jobs, without those of excluded or unreached environments. */
function resultsOf({ jobs }: RunReport): Record<string, string> {
  const results = Object.entries(jobs).map(([name, { result }]) => [name.replace('pipeline / ', ''), result]);
  return Object.fromEntries(results) as Record<string, string>;
}

/** The expected result of a run: an environment is planned if all before it are in the state of this run. */
function expectedOf(
  ways: Ways,
  left: readonly string[],
): { results: Record<string, string>; result: string } {
  const results: Record<string, string> = {};
  let reached = true;
  let isCancelled = false;
  for (const name of NAMES) {
    reached &&= !left.includes(name);
    if (!reached) {
      results[name] = isCancelled ? 'cancelled' : 'skipped';
      continue;
    }
    const { plan, apply } = WAYS[ways[name]];
    results[`${name} / plan`] = plan;
    results[`${name} / apply`] = apply;
    reached = ways[name] === 'changed' || ways[name] === 'unchanged';
    isCancelled = ways[name] === 'cancelled';
  }
  const all = Object.values(results);
  return {
    results,
    result: all.includes('failure') ? 'failure' : all.includes('cancelled') ? 'cancelled' : 'success',
  };
}

const EVERY = Object.keys(WAYS) as Way[];

/** One run for each relevant combination, with each of the rules that GitHub leaves open. */
function combinations(left: readonly string[]): { ways: Ways; open: OpenRules }[] {
  const all = EVERY.flatMap((dev) =>
    EVERY.flatMap((staging) => EVERY.map((prod): Ways => ({ dev, staging, prod }))),
  );
  const different = all.filter((ways) => {
    const { results } = expectedOf(ways, left);
    return NAMES.every((name) => `${name} / plan` in results || ways[name] === EVERY[0]);
  });
  return OPEN_RULES.flatMap((open) => different.map((ways) => ({ ways, open })));
}

test.each([
  ['all three', {}, []],
  ['without prod', { prod: '' }, ['prod']],
  ['without staging and therefore prod', { staging: '' }, ['staging']],
] as const)('the result for each combination of dev and staging: %s', async (name, inputs, left) => {
  const play = await stageOf();
  const wrong: string[] = [];
  const tried = combinations(left);
  for (const { ways, open } of tried) {
    const { report, calls } = await play(ways, open, inputs);
    const expected = expectedOf(ways, left);
    const planned = NAMES.filter((environment) => `${environment} / plan` in expected.results);
    const given = planned.map((environment) =>
      environment === 'dev'
        ? { environment, images: '', ref: '' }
        : { environment, images: IMAGES, ref: COMMIT },
    );
    const [found, wanted] = [
      { results: resultsOf(report), result: report.result, calls },
      { ...expected, calls: given },
    ].map(describeRun);
    if (found !== wanted) wrong.push(`${JSON.stringify({ ...ways, ...open })}\n  ${found}\n  not ${wanted}`);
  }
  console.info(`${name}: ${tried.length} combinations`);
  expect(wrong.join('\n')).toBe('');
});

function describeRun({ results, result, calls }: ReturnType<typeof expectedOf> & { calls: Call[] }): string {
  const jobs = Object.entries(results).map(([name, end]) => `${name}: ${end}`);
  return [result, ...jobs.sort(), JSON.stringify(calls)].join(', ');
}
