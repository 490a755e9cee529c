import { setFlagsFromString } from 'node:v8';
import { runAction } from '../../src/core/action.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { environmentUrl } from '../../src/environment/manifest/places.ts';
import { syncIssue } from '../../src/github/issue.ts';
import { presentEnvironment } from '../../src/present/environment.ts';
import { COMMANDS } from './commands.ts';
import { contract } from './contract.ts';
import { openRun, type Run } from './request.ts';

// By default, V8 lets the heap grow to four times its live size, and plans of large templates would need a gigabyte.
setFlagsFromString('--heap-growing-percent=40');

await runAction({
  name: 'deploy-environment',
  contract,
  async run(inputs, context, env) {
    for (const secret of Object.values(inputs['build-secrets'])) context.log.secret(secret);
    const run = await openRun(inputs, context, env);
    const presented = presentEnvironment(await COMMANDS[inputs.command](run));
    const { commit } = run.context.commit;
    const url = environmentUrl(run.manifest, run.choice.environment);
    const outcome = { ...presented, outputs: { ...presented.outputs, commit, url } };
    if (inputs.command === 'plan') await comment(run, outcome);
    if (inputs.command !== 'drift' || !inputs.issue) return outcome;
    return { ...outcome, outputs: { ...outcome.outputs, issue: await updateIssue(run, outcome) } };
  },
});

/** Writes the environment's part of the comment on the pull request. It never changes the verdict. */
async function comment({ inputs, context, manifest, choice }: Run, { summary = [] }: Outcome): Promise<void> {
  const { github } = context;
  const { name } = choice.environment;
  if (inputs.comment === 'false' || !github.pullRequest || context.signal.aborted) return;
  const { upsertComment } = await import('../../src/github/comment.ts');
  const written = await upsertComment({
    token: inputs['github-token'] ?? '',
    github,
    context,
    marker: `deploy-environment/${manifest.project}`,
    sections: summary,
    part: {
      name,
      order: Object.keys(manifest.environments),
      // Earlier versions wrote one comment for each environment.
      replaces: `deploy-environment/${manifest.project}/${name}`,
    },
  });
  if (written.action !== 'skipped')
    context.log.info(`Pull request comment ${written.action}: ${written.url}`);
}

/** Updates the issue about drift, and returns its URL. If the environment could not be compared, the issue is not changed. */
async function updateIssue(
  { inputs, context, manifest, choice }: Run,
  { verdict, summary }: Outcome,
): Promise<string> {
  if (verdict === 'failed') return '';
  const { name } = choice.environment;
  const issue = await syncIssue({
    token: inputs['github-token'] ?? '',
    github: context.github,
    context,
    marker: `drift/${manifest.project}/${name}`,
    title: `Drift: ${name} of ${manifest.project} differs from its templates`,
    sections: verdict === 'drifted' ? summary : undefined,
  });
  return 'url' in issue ? issue.url : '';
}
