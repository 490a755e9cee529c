import { applyEnvironment } from '../../src/environment/run/apply.ts';
import { deployEnvironment } from '../../src/environment/run/deploy.ts';
import { destroyEnvironment } from '../../src/environment/run/destroy.ts';
import { planEnvironment } from '../../src/environment/run/plan.ts';
import { readPlanDocument } from '../../src/environment/run/plan-document.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { Run } from './commands.ts';
import { environmentRequest } from './request.ts';

export function deploy(run: Run): Promise<Outcome> {
  return deployEnvironment(run.context, environmentRequest(run));
}

export async function plan(run: Run): Promise<Outcome> {
  const outcome = await planEnvironment(run.context, environmentRequest(run));
  await comment(run, outcome);
  return outcome;
}

export function apply(run: Run): Promise<Outcome> {
  const approved = readPlanDocument(run.inputs.plan, run.inputs.fingerprint);
  return applyEnvironment(run.context, environmentRequest(run), approved);
}

export function destroy(run: Run): Promise<Outcome> {
  return destroyEnvironment(run.context, environmentRequest(run), run.inputs.confirm);
}

/** The pull request's comment, one for each environment. It never changes the verdict. */
async function comment({ inputs, context, manifest, choice }: Run, { summary = [] }: Outcome): Promise<void> {
  const { github } = context;
  if (inputs.comment === 'false' || !github.pullRequest || context.signal.aborted) return;
  const { upsertComment } = await import('../../src/github/comment.ts');
  const written = await upsertComment({
    token: inputs['github-token'] ?? '',
    github,
    context,
    marker: `deploy-environment/${manifest.project}/${choice.environment.name}`,
    sections: summary,
  });
  if (written.action !== 'skipped') context.log.info(`The comment was ${written.action}: ${written.url}`);
}
