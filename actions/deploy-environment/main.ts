import { setFlagsFromString } from 'node:v8';
import { runAction } from '../../src/core/action.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { environmentUrl } from '../../src/environment/manifest/places.ts';
import { syncIssue } from '../../src/github/issue.ts';
import { presentEnvironment } from '../../src/present/environment.ts';
import { COMMANDS } from './commands.ts';
import { contract } from './contract.ts';
import { openRun, type Run } from './request.ts';

// By default V8 collects when the heap is four times what is in use: plans of large templates would take a gigabyte.
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

/** The environment's part of the pull request's comment. It never changes the verdict. */
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
      // Earlier releases kept a comment for each environment.
      replaces: `deploy-environment/${manifest.project}/${name}`,
    },
  });
  if (written.action !== 'skipped') context.log.info(`The comment was ${written.action}: ${written.url}`);
}

/** The URL of the issue on drift, if there is one. An environment that could not be compared leaves it as it is. */
async function updateIssue(
  { inputs, context, manifest, choice }: Run,
  { verdict, summary }: Outcome,
): Promise<string> {
  if (verdict === 'failed') return '';
  const { name } = choice.environment;
  const kept = await syncIssue({
    token: inputs['github-token'] ?? '',
    github: context.github,
    context,
    marker: `drift/${manifest.project}/${name}`,
    title: `Drift: ${name} of ${manifest.project} is not what its templates say`,
    sections: verdict === 'drifted' ? summary : undefined,
  });
  return 'url' in kept ? kept.url : '';
}
