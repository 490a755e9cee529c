import { refusalOf } from '../../../sandbox/github/branch-policy.ts';
import { gitHubState } from '../../../sandbox/github/state.ts';
import type { Running } from './run.ts';

/** Rejected by a reviewer, or by the environment's branch policy. */
export class Rejected extends Error {
  override readonly name = 'Rejected';
}

/**
 * Waits until an environment allows the job. An environment that does not exist is created without protection.
 *
 * @throws Rejected, at once for a ref that its branch policy does not allow; the signal's reason when the run is
 * cancelled meanwhile.
 */
export async function enterEnvironment(
  running: Running,
  environment: string,
  signal: AbortSignal,
): Promise<void> {
  const { stage, run, event } = running;
  const state = gitHubState(stage.sandbox.world);
  const known = state.environments.find(({ name }) => name === environment);
  const refusal = known && refusalOf(known, event.ref ?? 'refs/heads/main', state.branches);
  if (refusal !== undefined) throw new Rejected(refusal);
  if (!known || known.reviewers.length === 0) return;
  const { reviewer } = stage;
  if (!reviewer) throw new Error(`${environment} needs an approval and the rehearsal has no reviewer`);
  run.pending.push(environment);
  try {
    const decision = await settled(reviewer.review(environment, run), signal);
    await review(running, known.id, decision);
    if (decision === 'rejected') throw new Rejected(`the deployment to ${environment} was rejected`);
  } finally {
    run.pending = run.pending.filter((name) => name !== environment);
  }
}

async function review({ stage, run }: Running, environmentId: number, state: string): Promise<void> {
  const { GITHUB_API_URL: api, GITHUB_REPOSITORY: repository } = stage.sandbox.env();
  const url = `${api ?? ''}/repos/${repository ?? ''}/actions/runs/${run.id}/pending_deployments`;
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${stage.reviewer?.token ?? ''}`, 'content-type': 'application/json' },
    body: JSON.stringify({ environment_ids: [environmentId], state, comment: `it is ${state}` }),
  });
  if (!answer.ok) throw new Error(`the review was refused: ${answer.status} ${await answer.text()}`);
}

/** A promise's value, unless the signal is aborted first. */
async function settled<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return await new Promise((done, fail) => {
    const stop = (): void => {
      fail(signal.reason as Error);
    };
    signal.addEventListener('abort', stop);
    promise.then(done, fail).finally(() => {
      signal.removeEventListener('abort', stop);
    });
  });
}
