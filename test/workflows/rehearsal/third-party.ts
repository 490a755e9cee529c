import { cpSync } from 'node:fs';

export interface Checkout {
  /** The repository's files. */
  repository: string;
  /** The job's folder. */
  workspace: string;
}

/** What the actions of others do for a job, as far as a rehearsal can tell the difference. */
export const THIRD_PARTY: Record<string, (job: Checkout) => void> = {
  'actions/checkout': ({ repository, workspace }) => {
    cpSync(repository, workspace, { recursive: true });
  },
  // The runner has Docker, and the recording that plays it knows buildx.
  'docker/setup-buildx-action': () => undefined,
};
