import { GetParameterCommand } from '@aws-sdk/client-ssm';
import type { LoggedCall } from '../../../sandbox/server/calls.ts';
import type { Run, RunOptions } from '../../../sandbox/runner.ts';
import type { Sandbox } from '../../../sandbox/index.ts';
import { ssmOf } from '../../unit/sandbox/clients.ts';

/** The moment of a cancelled run, and what happens then beside the signal. */
interface Moment {
  /** The operation that has arrived so many times when the signal is sent. */
  operation: string;
  times: number;
  signal?: NodeJS.Signals;
  /** Called right before the signal, such as for a fault. */
  before?: (sandbox: Sandbox) => void;
  /** Sends a second signal, when this call arrives after the first one. */
  again?: { operation: string; signal: NodeJS.Signals };
}

/** Something that the run says it could not stop. */
interface Unstopped {
  what: string;
  command: string;
}

export interface CancelledRun {
  run: Run;
  /** What was called after the signal. */
  after: readonly LoggedCall[];
  unstopped: readonly Unstopped[];
}

/** Runs an action, and cancels it in a moment. */
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

/** The names of the stacks for which an operation was answered well. */
export function stacksTold({ after }: CancelledRun, ...operations: string[]): string[] {
  const told = after.filter(({ operation, status }) => operations.includes(operation) && status === 200);
  return told.map(({ input }) => {
    const name = String(input['StackName']);
    return /:stack\/([^/]+)\//.exec(name)?.[1] ?? name;
  });
}

/** Whether the lock of the environment is held, in the account of the environment. */
export async function isLocked(sandbox: Sandbox, account: string, name = '/shop/dev/lock'): Promise<boolean> {
  try {
    await ssmOf(sandbox, account).send(new GetParameterCommand({ Name: name }));
    return true;
  } catch (error) {
    if ((error as Error).name === 'ParameterNotFound') return false;
    throw error;
  }
}
