import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withTimeLimit } from '../core/concurrency.ts';
import { stackOf } from '../core/errors.ts';
import type { BuildContext } from './context.ts';
import { type ImageRun, Progress } from './progress.ts';
import { failedResult, type ImageResult } from './result.ts';

interface RunOptions extends Pick<ImageRun, 'repository' | 'region'> {
  /** What the run does, for the timeout message. */
  what: string;
  timeoutMs: number;
}

/**
 * Runs `work` within its time limit. Never throws: an error becomes a result.
 *
 * @param work receives a folder for temporary files, which is removed at the end.
 */
export async function withImageRun<C extends BuildContext>(
  context: C,
  { what, timeoutMs, ...about }: RunOptions,
  work: (context: C, progress: Progress, folder: string) => Promise<ImageResult>,
): Promise<ImageResult> {
  const progress = new Progress(about, context);
  const folder = mkdtempSync(join(context.env['RUNNER_TEMP'] ?? tmpdir(), 'build-push-image-'));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  // A second signal ends the process immediately. Passwords must be removed in that case too.
  process.once('exit', remove);
  try {
    return await withTimeLimit(context, { what, timeoutMs }, (signal) =>
      work({ ...context, signal }, progress, folder),
    );
  } catch (error) {
    context.log.debug(stackOf(error));
    return failedResult(progress, error);
  } finally {
    process.off('exit', remove);
    remove();
  }
}
