import { stepsOf } from '../workflow.ts';
import type { Job, Step } from '../workflow.ts';
import { holds } from './expressions.ts';
import type { Contexts, Standing } from './expressions.ts';
import type { Masks } from './masking.ts';
import type { Result, StepReport } from './report.ts';
import { runStep, texts } from './step.ts';
import type { StepPlace, StepRun } from './step.ts';

/** An earlier step, as a job's later steps and outputs see it. */
export type StepsContext = Record<
  string,
  { outputs: Record<string, string>; outcome: string; conclusion: string }
>;

/** Runs a job's steps in order. After a failure, only steps that request it run. */
export async function runSteps(
  job: Job,
  contexts: Contexts,
  place: StepPlace,
  masks: Masks,
): Promise<{ steps: StepReport[]; seen: StepsContext }> {
  const steps: StepReport[] = [];
  const seen: StepsContext = {};
  const env = { ...place.env };
  for (const step of stepsOf(job)) {
    const standing = standingOf(steps, place.signal);
    const now = { ...contexts, env, steps: seen };
    if (!holds(step.if, now, standing)) {
      steps.push({ name: nameOf(step), result: 'skipped', outputs: {}, summary: '', log: '' });
      if (step.id !== undefined) seen[step.id] = { outputs: {}, outcome: 'skipped', conclusion: 'skipped' };
      continue;
    }
    // A step that runs although the job is cancelled is not stopped.
    const signal = standing === 'cancelled' ? new AbortController().signal : place.signal;
    const run = await runStep(step, now, { ...place, env, signal });
    masks.learn(run.log);
    Object.assign(env, run.env);
    const outcome = outcomeOf(run, signal);
    const conclusion = outcome === 'failure' && step['continue-on-error'] === true ? 'success' : outcome;
    steps.push(reportOf(step, conclusion, run, masks));
    if (step.id !== undefined) seen[step.id] = { outputs: run.outputs, outcome, conclusion };
  }
  return { steps, seen };
}

/** A job's outputs. */
export function outputsOf(job: Job, contexts: Contexts, seen: StepsContext): Record<string, string> {
  return texts(job.outputs, { ...contexts, steps: seen });
}

/**
 * A job that exceeds its `timeout-minutes` is cancelled rather than failed: "when a job times out, it would be
 * cancelled instead of fail".
 *
 * @see https://github.com/solvcon/solvcon/pull/780
 */
function outcomeOf({ exitCode, timedOut = false }: StepRun, signal: AbortSignal): Result {
  if (timedOut) return 'cancelled';
  return exitCode === 0 ? 'success' : signal.aborted ? 'cancelled' : 'failure';
}

function standingOf(steps: readonly StepReport[], signal: AbortSignal): Standing {
  if (signal.aborted || steps.some(({ result }) => result === 'cancelled')) return 'cancelled';
  return steps.some(({ result }) => result === 'failure') ? 'failure' : 'success';
}

function reportOf(step: Step, result: StepReport['result'], run: StepRun, masks: Masks): StepReport {
  const { outputs, summary, log } = run;
  const size = Buffer.byteLength(summary);
  const isShown = size <= SUMMARY_LIMIT;
  const refused = isShown ? '' : `\n##[error]${tooLong(size)}\n`;
  const shown = { outputs, summary: isShown ? summary : '', log: masks.hide(log) + refused };
  return { name: nameOf(step), result, ...shown };
}

/** The runner uploads a summary completely or not at all; the step's result does not change. */
const SUMMARY_LIMIT = 1024 * 1024;

/** The runner's message: UnsupportedSummarySize of its Constants.cs. */
function tooLong(size: number): string {
  return `$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of 1024k, got ${Math.floor(size / 1024)}k.`;
}

function nameOf({ name, id, uses, run }: Step): string {
  return name ?? id ?? uses ?? (run ?? '').split('\n')[0] ?? '';
}
