import type { GitHubContext } from '../../src/github/context.ts';
import type { Context } from '../../src/core/context.ts';
import type { Inputs } from '../../src/core/inputs/contract.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { contract } from './contract.ts';

/**
 * Writes the pull request's comment: for `auto` only a plan's, as only a plan is read before something happens.
 * One comment for each stack and region is kept up to date. It never changes the verdict.
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
  if (written.action !== 'skipped') context.log.info(`The comment was ${written.action}: ${written.url}`);
}
