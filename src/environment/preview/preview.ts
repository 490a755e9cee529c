import { CancelledError, errorInfo, InputError, stackOf, TimeoutError } from '../../core/errors.ts';
import type { PreviewContext, PreviewRequest } from './context.ts';
import { deployPreview, withoutPreview } from './deploy.ts';
import { removalResult, removePreview, keepIfReopened } from './remove.ts';
import type { PreviewResult } from './result.ts';
import { sweepPreviews } from './sweep.ts';

/**
 * Runs one command of preview-environment.
 *
 * @throws InputError for an invalid input, before anything is changed; the reason of a stopped run.
 */
export async function previewEnvironment(
  context: PreviewContext,
  request: PreviewRequest,
): Promise<PreviewResult> {
  const { command, pullRequest } = request;
  try {
    if (command === 'sweep' || pullRequest === undefined) return await sweepPreviews(context, request);
    const fork = forkResult(context, pullRequest);
    if (fork) return fork;
    return command === 'deploy'
      ? await deployPreview(context, request, pullRequest)
      : await removeCommand(context, request, pullRequest);
  } catch (error) {
    const cause: unknown = context.signal.aborted ? context.signal.reason : error;
    if (cause instanceof InputError || cause instanceof CancelledError || cause instanceof TimeoutError) {
      throw cause;
    }
    context.log.debug(stackOf(error));
    const info = errorInfo(cause);
    return {
      kind: 'none',
      verdict: 'failed',
      reason: info.message,
      error: info,
      ...(pullRequest !== undefined && { pullRequest }),
    };
  }
}

/** For a fork, not even GitHub is called, because the job has no permissions. */
function forkResult(context: PreviewContext, pullRequest: number): PreviewResult | undefined {
  const { pullRequest: event } = context.github;
  const isFork = event?.number === pullRequest && event.fork;
  return isFork ? withoutPreview(context, pullRequest, undefined) : undefined;
}

async function removeCommand(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
): Promise<PreviewResult> {
  const isClosing = context.github.pullRequest?.action === 'closed';
  // A removal that was started manually also removes the preview of an open pull request.
  const keepCheck = isClosing ? keepIfReopened(context, pullRequest) : () => Promise.resolve(undefined);
  const kept = await keepCheck();
  if (kept !== undefined) {
    const reason = `${kept}. Its preview was kept. Nothing was changed.`;
    return { kind: 'none', verdict: 'skipped', pullRequest, reason };
  }
  const removal = await removePreview(context, request, pullRequest, keepCheck);
  return await removalResult(
    context,
    pullRequest,
    removal,
    `Removed the preview of pull request ${pullRequest}`,
  );
}
