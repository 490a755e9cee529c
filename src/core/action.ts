import { Annotations, createLog } from './log.ts';
import { type Host, stopOnSignals, Unstopped } from './cancellation.ts';
import type { Context } from './context.ts';
import { systemClock } from './clock.ts';
import { checkedOutcome, conclude, failureOf, type Outcome, type Verdicts } from './outcome.ts';
import type { OutputContract } from './outputs/write.ts';
import { CancelledError, PlatformError, reasonOf, stackOf } from './errors.ts';
import { readInputs, secretInputs } from './inputs/contract.ts';
import type { InputContract, Inputs } from './inputs/contract.ts';
import { notify } from './notification/notification.ts';
import { webhookSecrets } from './notification/webhook.ts';
import { useProxies } from './network/proxy.ts';
import { RateLimiter } from './network/rate-limiter.ts';
import { Redactor } from './redaction.ts';
import { actionsRunner } from './runner.ts';

/** How long a leaked handle may keep the process alive after the outcome is written, in milliseconds. */
const LINGER_MS = 1000;

export interface ActionContract {
  readonly inputs: InputContract;
  readonly outputs: OutputContract;
  readonly verdicts: Verdicts;
}

export interface Action<C extends ActionContract> {
  name: string;
  contract: C;
  run(inputs: Inputs<C['inputs']>, context: Context, env: NodeJS.ProcessEnv): Promise<Outcome>;
}

/**
 * Runs an action. This is its only error boundary: the outputs `verdict`, `reason` and `result` are always written,
 * and the exit code is 0 only for an ok verdict in a job that was not cancelled. On SIGINT or SIGTERM the context's
 * signal is aborted, and the run has 6.5 s to stop the operations that it started. The webhook of the input `notify`
 * is called last, when the outcome is final.
 */
export async function runAction<C extends ActionContract>(
  action: Action<C>,
  host: Host = process,
): Promise<void> {
  // A process that exits early, for any reason, counts as failed.
  host.exitCode = 1;
  const controller = new AbortController();
  const context = createContext(host, controller.signal);
  const finish = finishOnce(action, context, host);
  const force = (reason: Error): void => {
    finish(failureOf(reason, action.contract.verdicts));
    host.exit(1);
  };
  const over = stopOnSignals(host, {
    begin: (reason) => {
      context.log.info(`Stopping all operations that this run started: ${reasonOf(reason)}`);
      if (!(reason instanceof PlatformError)) context.log.debug(stackOf(reason));
      controller.abort(reason);
    },
    force,
  });
  const onDrained = (): void => {
    const reason = new PlatformError('internal', 'The run ended without an outcome. Please report this.');
    force(causeOf(reason, controller.signal) as Error);
  };
  host.on('beforeExit', onDrained);

  const outcome = await runToOutcome(action, context, host.env);
  finish(outcome);
  await notify({ name: action.name, verdicts: action.contract.verdicts }, outcome, context, {
    webhook: webhookOf(action.contract.inputs),
    env: host.env,
  });

  over();
  host.off('beforeExit', onDrained);
  if (controller.signal.aborted) host.exit(1);
  setTimeout(() => host.exit(), LINGER_MS).unref();
}

/** The input `notify`, of an action that has it. */
function webhookOf(inputs: InputContract): string {
  return Object.hasOwn(inputs, 'notify') ? actionsRunner.getInput('notify') : '';
}

function createContext(host: Host, signal: AbortSignal): Context {
  const redactor = new Redactor();
  return {
    log: createLog(actionsRunner, redactor, {
      mask: host.env['GITHUB_ACTIONS'] === 'true',
      debug: host.env['RUNNER_DEBUG'] === '1',
    }),
    clock: systemClock,
    signal,
    redactor,
    limiter: new RateLimiter({ clock: systemClock }),
    annotations: new Annotations(),
    unstopped: new Unstopped(),
  };
}

async function runToOutcome<C extends ActionContract>(
  action: Action<C>,
  context: Context,
  env: NodeJS.ProcessEnv,
): Promise<Outcome> {
  const { inputs, verdicts } = action.contract;
  try {
    const source = { getInput: actionsRunner.getInput, env };
    useProxies(env, context.log);
    for (const secret of secretInputs(inputs, source)) context.log.secret(secret);
    for (const secret of webhookSecrets(webhookOf(inputs))) context.log.secret(secret);
    const values = readInputs(inputs, source) as Inputs<C['inputs']>;
    return checkedOutcome(await action.run(values, context, env), verdicts);
  } catch (error) {
    context.log.debug(stackOf(error));
    return failureOf(causeOf(error, context.signal), verdicts);
  }
}

/** A cancelled run usually fails with a follow-up error; the cancellation itself is the cause to report. */
function causeOf(error: unknown, signal: AbortSignal): unknown {
  return signal.aborted && !(error instanceof CancelledError) ? signal.reason : error;
}

/** Writes the first outcome and ignores later ones. A failure to write it fails the step. */
function finishOnce<C extends ActionContract>(
  action: Action<C>,
  context: Context,
  host: Host,
): (outcome: Outcome) => void {
  let finished = false;
  return (outcome) => {
    if (finished) return;
    finished = true;
    try {
      conclude({ name: action.name, outputs: action.contract.outputs }, outcome, context, {
        env: host.env,
        runner: actionsRunner,
      });
      host.exitCode = outcome.ok && !context.signal.aborted ? 0 : 1;
    } catch (error) {
      host.exitCode = 1;
      const { message = String(error) } = Object(error) as { message?: string };
      context.log.error(`The outcome could not be written: ${message}`);
    }
  };
}
