import { previewsOf } from '../../support/scale/previews.ts';
import { maxInParallel, stackTimes } from '../../support/scale/stack-times.ts';
import { atLeast, atMost, type Row, sized, told } from './row.ts';

const PREVIEWS = 300;
const LIMIT_CALLS = 700;
const AT_ONCE = 10;
/** Five real seconds. */
const DELETION = { timeScale: 100, deletionSeconds: 500 };

/** A sweep of 300 previews, each with a stack and an image tag. Half of the pull requests are closed. */
export async function measureSweep(size: number): Promise<Row[]> {
  const count = sized(PREVIEWS, size);
  const previews = await previewsOf(count, DELETION);
  try {
    const run = await previews.sweep();
    if (run.outputs['verdict'] !== 'swept') throw new Error(run.log.slice(-4000));
    console.error(`sweep: ${JSON.stringify(run.calls)}`);
    const times = stackTimes(previews.sandbox);
    const atOnce = maxInParallel(times, 'DELETE_IN_PROGRESS', 'DELETE_COMPLETE');
    return [
      atMost(`sweep of ${count} previews, half closed: calls`, run.totalCalls, sized(LIMIT_CALLS, size)),
      atLeast('sweep: most deletions at once', atOnce, Math.min(AT_ONCE, Math.floor(count / 2))),
      told('sweep: wall', `${(run.durationMs / 1000).toFixed(0)} s`),
    ];
  } finally {
    await previews.close();
  }
}
