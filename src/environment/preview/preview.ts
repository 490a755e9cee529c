import { errorText } from '../../aws/errors.ts';
import { CancelledError, InputError, TimeoutError } from '../../runtime/errors.ts';
import type { Outcome } from '../../runtime/outcome.ts';
import { deployPreview } from './deploy.ts';
import { noPreview, outcomeOf, removedOutcome } from './outcome.ts';
import { pullRequestNow } from './records.ts';
import { removePreview } from './remove.ts';
import type { PreviewContext, PreviewRequest } from './request.ts';
import { sweepPreviews } from './sweep.ts';

/**
 * Runs one command of preview-environment and tells how it ended.
 * @throws InputError for an input that cannot be used, before anything is changed.
 */
export async function previewEnvironment(context: PreviewContext, request: PreviewRequest): Promise<Outcome> {
  const { command, pullRequest } = request;
  try {
    if (command === 'sweep' || pullRequest === undefined) return await sweepPreviews(context, request);
    const fork = forkOutcome(context, pullRequest);
    if (fork) return fork;
    return command === 'deploy'
      ? await deployPreview(context, request, pullRequest)
      : await removeCommand(context, request, pullRequest);
  } catch (error) {
    const cause: unknown = context.signal.aborted ? context.signal.reason : error;
    if (cause instanceof InputError || cause instanceof CancelledError || cause instanceof TimeoutError) {
      throw cause;
    }
    context.log.debug(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return outcomeOf(pullRequest, 'failed', errorText(cause));
  }
}

/** From a fork nothing is asked, not even GitHub: the job has no right to anything. */
function forkOutcome(context: PreviewContext, pullRequest: number): Outcome | undefined {
  const { pullRequest: event } = context.github;
  return event?.number === pullRequest && event.fork ? noPreview(context, pullRequest, undefined) : undefined;
}

async function removeCommand(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
): Promise<Outcome> {
  if (context.github.pullRequest?.action === 'closed') {
    const now = await pullRequestNow(context, pullRequest);
    if (now?.open) {
      const reason = `Pull request ${pullRequest} was opened again: its preview stays. Nothing was changed.`;
      return outcomeOf(pullRequest, 'skipped', reason);
    }
  }
  const removal = await removePreview(context, request, pullRequest);
  return removedOutcome(
    context,
    request,
    pullRequest,
    removal,
    `The preview of pull request ${pullRequest} is gone`,
  );
}
