import { runAction } from '../../src/core/action.ts';
import type { Context } from '../../src/core/context.ts';
import { InputError } from '../../src/core/errors.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { type GitHubContext, readGitHubContext } from '../../src/github/context.ts';
import { presentRehearsal } from '../../src/present/rehearsal.ts';
import { rehearseCommit } from '../../src/rehearse/rehearse-commit.ts';
import { contract } from './contract.ts';

await runAction({
  name: 'rehearse',
  contract,
  async run(inputs, context, env) {
    const github = readGitHubContext(env);
    const { environment, manifest, scenario } = inputs;
    const base = inputs.base ?? github.baseSha;
    if (base === undefined) {
      throw new InputError('base', '', 'a value is required, because this run has no pull request');
    }
    const result = await rehearseCommit(
      context,
      {
        environment,
        manifest,
        base,
        scenario,
        workspace: env['GITHUB_WORKSPACE'] ?? process.cwd(),
        repository: github.repository,
        commit: github.sha,
        timeoutMs: inputs.timeout,
      },
      env,
    );
    const outcome = presentRehearsal(result);
    const token = inputs.comment ? inputs['github-token'] : undefined;
    if (token !== undefined) await updateComment(environment, outcome, { token, github, context });
    return outcome;
  },
});

/** Updates the rehearsal's comment on the pull request. It never changes the verdict. */
async function updateComment(
  environment: string,
  { summary = [] }: Outcome,
  access: { token: string; github: GitHubContext; context: Context },
): Promise<void> {
  const { context, github } = access;
  if (!github.pullRequest || context.signal.aborted) return;
  const { upsertComment } = await import('../../src/github/comment.ts');
  const written = await upsertComment({ ...access, marker: `rehearse/${environment}`, sections: summary });
  if (written.action !== 'skipped')
    context.log.info(`Pull request comment ${written.action}: ${written.url}`);
}
