import { createHash } from 'node:crypto';

/** The workflow run on whose behalf something happens. */
export interface RunIdentity {
  id: string;
  attempt: number;
  /** Absolute path of the workspace. */
  workspace: string;
  actor?: string;
}

const PREFIX = 'platform-';

/**
 * A ClientRequestToken: the same for the same request of the same run attempt, so that a retry is not a second
 * request, and another one for anything else. It starts with the run, so that a person finds who asked.
 * Allowed are 128 letters, digits and dashes.
 */
export function clientRequestToken(run: RunIdentity, ...request: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(request)).digest('hex').slice(0, 24);
  return `${PREFIX}${run.id.replace(/[^A-Za-z0-9]/g, '').slice(0, 60)}-${run.attempt}-${hash}`;
}

/** Who made a request, as far as its token tells: `run 1001, attempt 2`, the console, or the token itself. */
export function requesterOf(token: string | undefined): string {
  if (token === undefined) return 'somebody else';
  const run = /^platform-([A-Za-z0-9]+)-(\d+)-[0-9a-f]+$/.exec(token);
  if (run) return `workflow run ${run[1] ?? ''}, attempt ${run[2] ?? ''}`;
  return token.startsWith('Console-') ? 'somebody in the AWS console' : `the request ${token}`;
}
