import type { GitHubContext } from '../../src/github/context.ts';
import type { Context } from '../../src/core/context.ts';
import type { Inputs } from '../../src/core/inputs/contract.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { contract } from './contract.ts';

/**
 * Writes the comment on the pull request. `auto` comments only plans, because they are read before anything changes. There
 * is one comment for each stack and region. It never changes the verdict.
 */
export async function comment(
  inputs: Inputs<typeof contract.inputs>,
  outcome: Outcome,
  github: GitHubContext,
  context: Context,
): Promise<void> {
  const wanted = inputs.comment === 'true' || (inputs.comment === 'auto' && inputs.command === 'plan');
  if (!wanted || !github.pullRequest || context.signal.aborted) return;
  const { upsertComment } = await import('../../src/github/comment.ts');
  const written = await upsertComment({
    token: inputs['github-token'] ?? '',
    github,
    context,
    marker: `deploy-stack/${inputs['aws-region']}/${inputs['stack-name']}`,
    sections: outcome.summary ?? [],
  });
  if (written.action !== 'skipped')
    context.log.info(`Pull request comment ${written.action}: ${written.url}`);
}
