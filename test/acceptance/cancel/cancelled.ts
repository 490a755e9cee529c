import { GetParameterCommand } from '@aws-sdk/client-ssm';
import type { LoggedCall } from '../../../sandbox/server/calls.ts';
import type { Run, RunOptions } from '../../../sandbox/runner.ts';
import type { Sandbox } from '../../../sandbox/index.ts';
import { ssmOf } from '../../unit/sandbox/clients.ts';

/** When a run is cancelled, and what else happens at that moment. */
interface Moment {
  /** The operation whose nth call triggers the signal. */
  operation: string;
  times: number;
  signal?: NodeJS.Signals;
  /** Called just before the signal, for example to inject a fault. */
  before?: (sandbox: Sandbox) => void;
  /** Sends a second signal when this call arrives after the first one. */
  again?: { operation: string; signal: NodeJS.Signals };
}

/** An operation that the run reports as not stopped. */
interface Unstopped {
  what: string;
  command: string;
}

export interface CancelledRun {
  run: Run;
  /** The calls after the signal. */
  after: readonly LoggedCall[];
  unstopped: readonly Unstopped[];
}

/** Runs an action and cancels it at a moment. */
export async function cancelled(
  sandbox: Sandbox,
  start: (options: RunOptions) => Promise<Run>,
  { operation, times, signal = 'SIGINT', before, again }: Moment,
): Promise<CancelledRun> {
  const earlier = sandbox.calls.of(operation).length;
  let from = Infinity;
  const run = await start({
    onStart: (child) => {
      void sandbox.calls.arrival({ operation }, earlier + times).then(() => {
        before?.(sandbox);
        from = sandbox.calls.all.length;
        child.kill(signal);
        if (!again) return;
        const known = sandbox.calls.of(again.operation).length;
        void sandbox.calls
          .arrival({ operation: again.operation }, known + 1)
          .then(() => child.kill(again.signal));
      });
    },
  });
  const unstopped = (run.result['unstopped'] ?? []) as Unstopped[];
  return { run, after: sandbox.calls.all.slice(from), unstopped };
}

/** The names of the stacks for which an operation succeeded. */
export function stacksTold({ after }: CancelledRun, ...operations: string[]): string[] {
  const told = after.filter(({ operation, status }) => operations.includes(operation) && status === 200);
  return told.map(({ input }) => {
    const name = String(input['StackName']);
    return /:stack\/([^/]+)\//.exec(name)?.[1] ?? name;
  });
}

/** Whether the lock of the environment is held, in its account. */
export async function isLocked(sandbox: Sandbox, account: string, name = '/shop/dev/lock'): Promise<boolean> {
  try {
    await ssmOf(sandbox, account).send(new GetParameterCommand({ Name: name }));
    return true;
  } catch (error) {
    if ((error as Error).name === 'ParameterNotFound') return false;
    throw error;
  }
}
