import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { UNTIL_KILL_MS, UNTIL_TERM_MS } from '../../workflows/rehearsal/process.ts';

const LOOK_MS = 20;

/**
 * Cancels the step that act is running like GitHub's runner: SIGINT to its process, SIGTERM 7.5 s later, SIGKILL 2.5 s
 * after that, unless it has ended. act itself only sends SIGKILL, which no action can handle.
 *
 * @returns the signal that was sent last.
 * @see https://github.com/actions/runner/blob/main/src/Runner.Sdk/ProcessInvoker.cs: `_sigintTimeout`,
 * `_sigtermTimeout` and `CancelAndKillProcessTree`
 */
export async function cancelStep(act: number): Promise<NodeJS.Signals> {
  const [step, ...others] = childrenOf(act);
  if (step === undefined || others.length > 0)
    throw new Error(`act runs ${others.length + 1} steps, not one`);
  for (const [signal, patience] of [
    ['SIGINT', UNTIL_TERM_MS],
    ['SIGTERM', UNTIL_KILL_MS],
  ] as const) {
    process.kill(step, signal);
    if (await hasEnded(step, patience)) return signal;
  }
  process.kill(step, 'SIGKILL');
  return 'SIGKILL';
}

/** @see https://man7.org/linux/man-pages/man5/proc_tid_children.5.html */
function childrenOf(parent: number): number[] {
  const threads = readdirSync(`/proc/${parent}/task`);
  const lists = threads.map((thread) => readFileSync(`/proc/${parent}/task/${thread}/children`, 'utf8'));
  return lists.flatMap((list) => list.split(' ').filter((pid) => pid.trim() !== '')).map(Number);
}

async function hasEnded(pid: number, patienceMs: number): Promise<boolean> {
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline;) {
    if (!existsSync(`/proc/${pid}`)) return true;
    await sleep(LOOK_MS);
  }
  return false;
}
