import { errorText } from '../../aws/errors.ts';
import { statusOf } from '../../github/client.ts';
import { compareCommits, compareUrl } from '../../github/compare.ts';
import type { GitHubContext } from '../../github/context.ts';
import type { ReportedCommits, ReportedPromotion } from '../../report/promotion.ts';
import type { Context } from '../../runtime/context.ts';
import { inParallel } from '../../runtime/parallel.ts';

const COMPARISONS_AT_ONCE = 4;

/** What a promotion needs of GitHub. */
export interface GitHubAccess {
  token: string;
  github: GitHubContext;
  context: Pick<Context, 'clock' | 'signal' | 'log'>;
  /** Whether the promotion is recorded as a deployment. */
  records: boolean;
}

/**
 * What lies between the releases that services have and those they get. Services of the same two commits share
 * one. Where GitHub does not tell, there is the link.
 */
export async function commitsBetween(
  services: readonly ReportedPromotion[],
  access: GitHubAccess,
): Promise<ReportedCommits[]> {
  if (access.github.repository === '') return [];
  const pairs = new Map<string, ReportedCommits>();
  for (const { service, action, commit = '', commitBefore = '' } of services) {
    if (action === 'none' || commit === '' || commitBefore === '' || commit === commitBefore) continue;
    const key = `${commitBefore}...${commit}`;
    const url = compareUrl(access.github, commitBefore, commit);
    const pair = pairs.get(key) ?? { services: [], base: commitBefore, head: commit, url, commits: [] };
    pair.services.push(service);
    pairs.set(key, pair);
  }
  const all = [...pairs.values()];
  await inParallel(all, COMPARISONS_AT_ONCE, (pair) => fill(pair, access));
  return all;
}

async function fill(pair: ReportedCommits, access: GitHubAccess): Promise<void> {
  if (access.token === '') {
    pair.note = 'Without a token the commits cannot be listed.';
    return;
  }
  try {
    const { total, behind, commits } = await compareCommits(access, pair.base, pair.head);
    pair.total = total;
    pair.commits = commits;
    if (behind > 0) {
      const goes = total === 0 ? 'It goes back' : 'The two have parted, and it leaves out';
      pair.note = `${goes} ${behind} commits that run there now.`;
    }
  } catch (error) {
    access.context.signal.throwIfAborted();
    const status = statusOf(error);
    pair.note =
      status === 404
        ? 'The repository does not have both commits, or the token may not read it.'
        : `GitHub does not tell the commits: ${errorText(error)}`;
  }
}
