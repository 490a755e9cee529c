import { errorText } from '../../aws/errors.ts';
import {
  CancelledError,
  type ErrorInfo,
  errorInfo,
  InputError,
  PlatformError,
  TimeoutError,
} from '../../core/errors.ts';
import { PlanFailedError } from '../change-set/failure.ts';
import { diagnose, type Diagnosis } from '../diagnosis/diagnosis.ts';
import { abandonChangeSet, cancelBegun } from '../execution/cancel.ts';
import { StackStuckError } from '../execution/continue-rollback.ts';
import type { CloudFormationContext, DeployStackInputs } from '../types.ts';
import { apply } from './apply.ts';
import { nothingChanged, type RunIdentity, StackBlockedError, type Work } from './command-run.ts';
import { deleteCommand } from './delete.ts';
import { deploy } from './deploy.ts';
import { driftCommand } from './drift.ts';
import { plan } from './plan.ts';
import { causeText, type CommandResult, type StackResult } from './result.ts';

const COMMANDS: Readonly<Record<DeployStackInputs['command'], (work: Work) => Promise<CommandResult>>> = {
  deploy,
  plan,
  apply,
  delete: deleteCommand,
  drift: driftCommand,
};

/**
 * Runs one command of deploy-stack and tells how it ended. When it ends early, whatever it had begun is stopped or
 * removed, and the reason says what remains.
 * @throws InputError for an input that cannot be used, before anything is changed.
 */
export async function deployStack(
  context: CloudFormationContext,
  inputs: DeployStackInputs,
  run: RunIdentity,
): Promise<StackResult> {
  const startedMs = context.clock.now();
  const work: Work = {
    context,
    inputs,
    run,
    startedMs,
    deadlineMs: startedMs + inputs.timeoutMs,
    begun: {},
    known: {},
    notes: [],
  };
  try {
    return withRunFacts(work, await COMMANDS[inputs.command](work));
  } catch (error) {
    return withRunFacts(work, await endEarly(work, error));
  }
}

function withRunFacts({ context, inputs, startedMs, notes }: Work, result: CommandResult): StackResult {
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
 * What a run that did not come to its end has to say, after what it had begun is stopped or removed.
 * @throws InputError as it is: the error boundary tells it.
 */
async function endEarly(work: Work, error: unknown): Promise<CommandResult> {
  try {
    return await endingOf(work, error);
  } finally {
    work.begun.services?.stop();
  }
}

async function endingOf(work: Work, error: unknown): Promise<CommandResult> {
  const { context, known, begun } = work;
  const timeline = begun.timeline ? { timeline: begun.timeline } : {};
  if (context.signal.aborted) return { ...known, ...timeline, ...(await cancelled(work)) };
  await abandonChangeSet(work);
  if (error instanceof InputError) throw error;
  if (error instanceof TimeoutError) return { ...known, ...timeline, ...(await timedOut(work, error)) };
  if (error instanceof StackBlockedError) {
    return { ...known, verdict: 'blocked', reason: error.message, ...errorOf(error) };
  }
  if (error instanceof PlanFailedError) {
    const reason = planFailed(work, error);
    return { verdict: 'failed', reason, findings: error.findings, ...errorOf(error) };
  }
  if (error instanceof StackStuckError) {
    const { execution, diagnosis } = error;
    return { verdict: 'stuck', reason: error.message, execution, diagnosis, ...errorOf(error) };
  }
  context.log.debug(error instanceof Error ? (error.stack ?? error.message) : String(error));
  const { operation } = begun;
  const done = work.done === undefined ? '' : `${work.done}. But then: `;
  const goesOn = operation
    ? ` The ${operation.kind} of stack ${operation.stackName} was asked for and may go on at AWS: look at the stack.`
    : '';
  return {
    ...known,
    ...timeline,
    verdict: 'failed',
    reason: `${done}${errorText(error).replace(/\.$/, '')}.${goesOn}`,
    ...errorOf(error),
  };
}

function errorOf(error: unknown): { error?: ErrorInfo } {
  return error instanceof PlatformError ? { error: errorInfo(error) } : {};
}

async function cancelled(work: Work): Promise<CommandResult> {
  const remains = await cancelBegun(work);
  const why = work.context.signal.reason as unknown;
  // Within a whole environment its time, or its lock, may be what is over.
  const said = why instanceof CancelledError ? `The job was cancelled by ${why.signalName}` : errorText(why);
  return { verdict: 'cancelled', reason: `${said.replace(/\.$/, '')}. ${remains}`, ...errorOf(why) };
}

/** What is known when the time is up; nothing more is claimed, and nothing is stopped. */
async function timedOut(work: Work, error: TimeoutError): Promise<CommandResult> {
  const { begun, inputs } = work;
  const standing = begun.standing?.();
  const ran = `Within the timeout of ${Math.round(inputs.timeoutMs / 1000)} s ${error.what} did not end${standing ? ` (${standing})` : ''}.`;
  if (!begun.operation)
    return { verdict: 'timed-out', reason: `${ran} ${nothingChanged(work)}.`, ...errorOf(error) };
  const diagnosis = await failureSoFar(work);
  const state = begun.timeline?.failures.length === 0 ? 'waits for tasks that fail' : 'has failed already';
  const failed = diagnosis ? ` It ${state}${causeText(diagnosis)}.` : '';
  return {
    verdict: 'timed-out',
    reason: `${ran}${failed} It was not stopped and goes on at AWS.`,
    ...(diagnosis ? { diagnosis } : {}),
    ...errorOf(error),
  };
}

/** Why an operation that still runs has failed, such as one that rolls back, or will when AWS gives up. */
async function failureSoFar({ context, begun }: Work): Promise<Diagnosis | undefined> {
  const { timeline, operation, services } = begun;
  if (!timeline || !operation) return undefined;
  const serviceFailures = await services?.explain();
  if (timeline.failures.length === 0 && !serviceFailures?.size) return undefined;
  const execution = { status: '', timeline, durationMs: 0, ...(serviceFailures && { serviceFailures }) };
  const diagnosis = await diagnose(context, execution, operation);
  return diagnosis.rootCause ? diagnosis : undefined;
}

function planFailed({ inputs }: Work, { message }: PlanFailedError): string {
  if (inputs.mode !== 'express' || !/DeploymentConfig|EXPRESS/i.test(message)) return message;
  return `${message.replace(/\.$/, '')}. Express mode is not to be had here: use mode: standard.`;
}
