import { CancelledError, errorInfo, InputError, stackOf, TimeoutError, reasonOf } from '../../core/errors.ts';
import { PlanFailedError } from '../change-set/failure.ts';
import { diagnose, type Diagnosis } from '../diagnosis/diagnosis.ts';
import { discardChangeSet, cancelPending } from '../execution/cancel.ts';
import { OPERATIONS } from '../execution/watch.ts';
import { StackStuckError } from '../execution/recover.ts';
import type { DeployStackInputs } from '../context.ts';
import { apply } from './apply.ts';
import {
  changesSoFar,
  type RunIdentity,
  type StackCommandContext,
  StackBlockedError,
  type CommandRun,
} from '../command-run.ts';
import { deleteCommand } from './delete.ts';
import { deploy } from './deploy.ts';
import { driftCommand } from './drift.ts';
import { plan } from './plan.ts';
import { causeText, type CommandResult, type StackResult } from './result.ts';
import { timeLimit } from '../../core/text.ts';

const COMMANDS: Readonly<Record<DeployStackInputs['command'], (run: CommandRun) => Promise<CommandResult>>> =
  {
    deploy,
    plan,
    apply,
    delete: deleteCommand,
    drift: driftCommand,
  };

/**
 * Runs a command of deploy-stack. If it ends early, what it started is stopped or deleted, and the reason states what
 * remains.
 * @throws InputError for an invalid input, before anything is changed.
 */
export async function deployStack(
  context: StackCommandContext,
  inputs: DeployStackInputs,
  identity: RunIdentity,
): Promise<StackResult> {
  const startedMs = context.clock.now();
  const run: CommandRun = {
    context,
    inputs,
    identity,
    startedMs,
    deadlineMs: startedMs + inputs.timeoutMs,
    pending: {},
    known: {},
    notes: [],
  };
  const result = await COMMANDS[inputs.command](run).catch((error: unknown) => endEarly(run, error));
  if (!leavesStackUnchanged(result)) context.listing?.forget(inputs.stackName);
  return withRunFacts(run, result);
}

/** Whether the command left the stack unchanged. */
function leavesStackUnchanged(result: CommandResult): boolean {
  if (result.verdict === 'planned') return result.plan.kind === 'update';
  return ['unchanged', 'in-sync', 'drifted'].includes(result.verdict);
}

function withRunFacts({ context, inputs, startedMs, notes }: CommandRun, result: CommandResult): StackResult {
  return {
    ...result,
    stackName: inputs.stackName,
    region: context.session.region,
    command: inputs.command,
    ...(inputs.template === undefined ? {} : { template: inputs.template }),
    durationMs: context.clock.now() - startedMs,
    notes,
  };
}

/**
 * The result of a run that ended early, after what it started was stopped or deleted.
 * @throws InputError unchanged: the error boundary reports it.
 */
async function endEarly(run: CommandRun, error: unknown): Promise<CommandResult> {
  try {
    return await resultOfError(run, error);
  } finally {
    run.pending.services?.stop();
  }
}

async function resultOfError(run: CommandRun, error: unknown): Promise<CommandResult> {
  const { context, known, pending } = run;
  const timeline = pending.timeline ? { timeline: pending.timeline } : {};
  if (context.signal.aborted) return { ...known, ...timeline, ...(await cancelledResult(run)) };
  await discardChangeSet(run);
  if (error instanceof InputError) throw error;
  if (error instanceof TimeoutError) return { ...known, ...timeline, ...(await timedOutResult(run, error)) };
  if (error instanceof StackBlockedError) {
    return { ...known, verdict: 'blocked', reason: error.message, error: errorInfo(error) };
  }
  if (error instanceof PlanFailedError) {
    const reason = planFailureReason(run, error);
    return { ...known, verdict: 'failed', reason, findings: error.findings, error: errorInfo(error) };
  }
  if (error instanceof StackStuckError) {
    const { execution, diagnosis } = error;
    return {
      ...known,
      verdict: 'stuck',
      reason: error.message,
      execution,
      diagnosis,
      error: errorInfo(error),
    };
  }
  context.log.debug(stackOf(error));
  const { operation, refused } = pending;
  const done = run.done === undefined ? '' : `${run.done}. A later step failed: `;
  const stillRunning = operation
    ? ` The ${OPERATIONS[operation.kind]} of stack ${operation.stackName} was requested and may still be in progress on AWS. Check the stack.`
    : refused
      ? ` CloudFormation rejected the ${OPERATIONS[refused.kind]} of stack ${refused.stackName}, so it did not start.`
      : '';
  const { code, fix: advice = '' } = errorInfo(error);
  const fix = code === 'credentials-expired' && advice !== '' ? ` ${advice}` : '';
  return {
    ...known,
    ...timeline,
    verdict: 'failed',
    reason: `${done}${reasonOf(error).replace(/\.$/, '')}.${stillRunning}${fix}`,
    error: errorInfo(error),
  };
}

async function cancelledResult(run: CommandRun): Promise<CommandResult> {
  const { remains, completed } = await cancelPending(run);
  const why = run.context.signal.reason as unknown;
  // In a deployment of a whole environment, the reason may be its timeout or a lost lock.
  const isCancelled = why instanceof CancelledError;
  const cause = isCancelled ? `The job was cancelled by ${why.by}` : reasonOf(why);
  const verdict = isCancelled ? 'cancelled' : why instanceof TimeoutError ? 'timed-out' : 'failed';
  return {
    verdict,
    reason: `${cause.replace(/\.$/, '')}. ${remains}`,
    ...(completed && { completed }),
    error: errorInfo(why),
  };
}

/** The result at the deadline. The operation is not stopped. */
async function timedOutResult(run: CommandRun, error: TimeoutError): Promise<CommandResult> {
  const { pending, inputs } = run;
  const progress = pending.describeProgress?.();
  const waited = `Timed out after ${timeLimit(inputs.timeoutMs)} waiting for ${error.what}`;
  const ran = `${waited}${progress ? ` (${progress})` : ''}.`;
  if (!pending.operation)
    return { verdict: 'timed-out', reason: `${ran} ${changesSoFar(run)}.`, error: errorInfo(error) };
  const diagnosis = await diagnoseSoFar(run);
  const state =
    pending.timeline?.failures.length === 0 ? 'is waiting for tasks that fail' : 'has already failed';
  const failed = diagnosis ? ` It ${state}${causeText(diagnosis)}.` : '';
  return {
    verdict: 'timed-out',
    reason: `${ran}${failed} It was not stopped and continues on AWS.`,
    ...(diagnosis ? { diagnosis } : {}),
    error: errorInfo(error),
  };
}

/** Why a running operation has failed, or will fail when CloudFormation stops waiting. */
async function diagnoseSoFar({ context, pending }: CommandRun): Promise<Diagnosis | undefined> {
  const { timeline, operation, services } = pending;
  if (!timeline || !operation) return undefined;
  const serviceFailures = await services?.explain();
  if (timeline.failures.length === 0 && !serviceFailures?.size) return undefined;
  const execution = { status: '', timeline, durationMs: 0, ...(serviceFailures && { serviceFailures }) };
  const diagnosis = await diagnose(context, execution, operation);
  return diagnosis.rootCause ? diagnosis : undefined;
}

function planFailureReason({ inputs }: CommandRun, { message }: PlanFailedError): string {
  if (inputs.mode !== 'express' || !/DeploymentConfig|EXPRESS/i.test(message)) return message;
  return `${message.replace(/\.$/, '')}. Express mode is not available here. Fix: Use mode: standard.`;
}
