import { cpSync } from 'node:fs';
import { checkOut as putCheckout } from '../../support/checkout.ts';
import type { Stage } from './run.ts';

export interface Checkout {
  stage: Stage;
  /** The job's folder. */
  workspace: string;
  /** The commit of the run. */
  sha: string;
  inputs: Readonly<Record<string, string>>;
}

/** What the actions of others do for a job, as far as a rehearsal can tell the difference. */
export const THIRD_PARTY: Record<string, (job: Checkout) => void> = {
  'actions/checkout': checkOut,
  // The runner has Docker, and the recording that plays it knows buildx.
  'docker/setup-buildx-action': () => undefined,
};

/**
 * The files of a commit, and a `.git` whose HEAD is detached at it.
 *
 * @see https://github.com/actions/checkout#usage: an empty `ref` is the commit of the event.
 */
function checkOut({ stage, workspace, sha, inputs: { ref = '' } }: Checkout): void {
  const named = stage.refs?.[ref];
  if (ref !== '' && !named && !/^[0-9a-f]{40}$/.test(ref)) {
    throw new Error(`the repository has no ref ${ref}`);
  }
  const commit = named?.sha ?? (ref === '' ? sha : ref);
  const files = named ?? Object.values(stage.refs ?? {}).find((one) => one.sha === commit);
  cpSync(files?.repository ?? stage.repository, workspace, { recursive: true });
  putCheckout(workspace, commit);
}
