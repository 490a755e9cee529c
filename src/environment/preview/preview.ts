import type { Outcome } from '../../runtime/outcome.ts';
import type { PreviewContext, PreviewRequest } from './request.ts';

/** Runs one command of preview-environment and tells how it ended. */
export async function previewEnvironment(context: PreviewContext, request: PreviewRequest): Promise<Outcome> {
  const { pullRequest } = context.github;
  if (pullRequest?.fork && request.command !== 'sweep') {
    const reason = `Pull request ${pullRequest.number} comes from a fork: its jobs get no OIDC token, so there is no preview. Nothing was changed.`;
    return {
      verdict: 'skipped',
      ok: true,
      reason,
      outputs: { 'pull-request': String(pullRequest.number) },
      result: {},
    };
  }
  return Promise.reject(new Error(`The command ${request.command} is not built yet: nothing was changed.`));
}
