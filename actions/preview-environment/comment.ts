import type { PreviewContext, PreviewRequest } from '../../src/environment/preview/context.ts';
import type { PreviewComment } from '../../src/environment/preview/result.ts';
import { previewComment } from '../../src/present/preview.ts';

/** Writes the comment about previews in this environment on the pull request. It never changes the verdict. */
export async function updateComment(
  context: PreviewContext,
  { comment: wanted, project, environment }: PreviewRequest,
  comment: PreviewComment,
): Promise<void> {
  if (!wanted || context.signal.aborted) return;
  const { upsertComment } = await import('../../src/github/comment.ts');
  const { token } = context;
  const written = await upsertComment({
    token,
    github: { ...context.github, pullRequest: { number: comment.pullRequest, fork: false } },
    context,
    marker: `preview/${project}/${environment}`,
    sections: previewComment(comment, context.github.runUrl),
  });
  if (written.action !== 'skipped')
    context.log.info(`Pull request comment ${written.action}: ${written.url}`);
}
