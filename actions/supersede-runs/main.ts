import { runAction } from '../../src/core/action.ts';
import type { Context } from '../../src/core/context.ts';
import { InputError, reasonOf } from '../../src/core/errors.ts';
import type { GitHubAccess } from '../../src/github/client.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import { readReviewers } from '../../src/github/reviews.ts';
import { supersedeRuns } from '../../src/github/supersede.ts';
import { presentSupersede } from '../../src/present/supersede.ts';
import { contract } from './contract.ts';

await runAction({
  name: 'supersede-runs',
  contract,
  async run(inputs, context, env) {
    const { environment, 'github-token': token } = inputs;
    if (token === undefined) throw new InputError('github-token', '', 'a value is required');
    const github = readGitHubContext(env);
    const access = { token, github, context };
    const result = await supersedeRuns(access, environment);
    const isNext = result.verdict === 'superseded' || result.verdict === 'unchanged';
    const reviewers = isNext && inputs.notify !== undefined ? await reviewersOf(access, environment) : [];
    return presentSupersede(
      result,
      reviewers.length > 0 ? { reviewers, what: inputs.reason ?? '' } : undefined,
    );
  },
});

/** Empty if they cannot be read, because a notification must not request an approval that is not required. */
async function reviewersOf(
  access: GitHubAccess & { context: Context },
  environment: string,
): Promise<string[]> {
  try {
    return await readReviewers(access, environment);
  } catch (error) {
    access.context.signal.throwIfAborted();
    access.context.log.warning(
      `notify: nothing was posted, because the reviewers of ${environment} could not be read: ${reasonOf(error)}`,
    );
    return [];
  }
}
