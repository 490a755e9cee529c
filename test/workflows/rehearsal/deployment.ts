import { gitHubState } from '../../../sandbox/github/state.ts';
import type { Deployment } from '../../../sandbox/github/state.ts';
import type { Job } from '../workflow.ts';
import { interpolateAll, toText } from './expressions.ts';
import type { Contexts } from './expressions.ts';
import type { Masks } from './masking.ts';
import type { EnvironmentUrl, Result } from './report.ts';
import type { Running } from './run.ts';

/**
 * The deployment that GitHub records for a job with an environment, or undefined if the job has `deployment: false`.
 */
export function recordJobDeployment(
  { stage, run }: Running,
  job: Job,
  environment: string | undefined,
  contexts: Contexts,
): Deployment | undefined {
  if (environment === undefined) return undefined;
  const wanted = typeof job.environment === 'object' ? job.environment.deployment : undefined;
  if (toText(interpolateAll(wanted ?? true, contexts)) === 'false') return undefined;
  const state = gitHubState(stage.sandbox.world);
  const created = new Date().toISOString();
  const creator = { login: 'github-actions[bot]', type: 'Bot' } as const;
  const fields = { task: 'deploy', payload: {}, description: null };
  const made: Deployment = {
    id: state.newId(),
    ref: run.branch,
    environment,
    fields,
    creator,
    created,
    statuses: [],
  };
  state.deployments.push(made);
  return made;
}

/** Ends a job's deployment with the environment's URL, which is evaluated after the last step. */
export function endJobDeployment(
  { stage }: Running,
  deployment: Deployment,
  result: Result,
  url: EnvironmentUrl,
): void {
  const state = gitHubState(stage.sandbox.world);
  const { creator } = deployment;
  deployment.statuses.push({
    id: state.newId(),
    state: result === 'success' ? 'success' : 'failure',
    fields: { ...('url' in url && { environment_url: url.url }) },
    creator,
    created: new Date().toISOString(),
  });
}

/**
 * The URL of a job's environment.
 *
 * @see actions/runner, JobExtension.FinalizeJob: evaluated with the `steps` context whether the job succeeded or not;
 *  "Skip setting environment url as environment '…' may contain secret."
 * @see https://github.com/skywarth/vite-github-pages-deployer/issues/2: "Environment URL '' is not a valid http(s) URL, so
 *  it will not be shown as a link in the workflow graph."
 */
export function environmentUrlOf({ environment }: Job, contexts: Contexts, masks: Masks): EnvironmentUrl {
  if (typeof environment !== 'object' || environment.url === undefined) return {};
  const url = toText(interpolateAll(environment.url, contexts));
  if (masks.hide(url) !== url) {
    const name = toText(interpolateAll(environment.name, contexts));
    return { warning: `Skip setting environment url as environment '${name}' may contain secret.` };
  }
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return { url };
  const warning = `Environment URL '${url}' is not a valid http(s) URL, so it will not be shown as a link in the workflow graph.`;
  return { warning };
}
