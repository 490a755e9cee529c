import { PlatformError, reasonOf } from '../core/errors.ts';
import type { GitHubAccess } from '../github/client.ts';
import { isAncestor } from '../github/compare.ts';
import { type Ancestry, type Candidate, compareOrder, dependsOnAncestry, type Older } from './order.ts';
import type { ReleaseSource } from './source.ts';

/** A newer release is recorded than the one that was about to replace it. */
export class OutdatedError extends PlatformError {
  override readonly name = 'OutdatedError';

  constructor(message: string) {
    super('outdated', message, {
      fix: 'Deploy the newer commit, or set `allow-older: true` to replace it by this one.',
    });
  }
}

/** What a record tells of the release that is in place. */
export type RecordedSource = ReleaseSource & { at: string; image?: string };

interface Judgement {
  /** Set when the candidate is older. */
  outdated?: OutdatedError;
  /** What could not be compared, a sentence. */
  note?: string;
}

/**
 * Compares a candidate with what is recorded.
 *
 * @param what names what the record is of, such as `user-service in staging`.
 */
export type OrderJudge = (
  what: string,
  recorded: RecordedSource | undefined,
  candidate: Candidate,
) => Promise<Judgement>;

/** How a release is held to the order. */
export interface OrderRules {
  judge: OrderJudge;
  /** Whether an older release may replace a newer one. */
  allowOlder: boolean;
}

/**
 * A judge that asks GitHub about the ancestry of commits, once for each pair, and only where run numbers do not
 * decide. When GitHub does not tell, run numbers alone decide, and the judgement has a note.
 *
 * @param compare whether a commit is an ancestor of another one.
 */
export function orderJudge(access: GitHubAccess, compare = isAncestor): OrderJudge {
  const asked = new Map<string, Promise<{ ancestry: Ancestry; note?: string }>>();
  const ask = ({ repository, commit }: Candidate, of: string) => {
    const key = `${repository} ${of}...${commit}`;
    const github = { ...access.github, ...(repository !== '' && { repository }) };
    const answer = asked.get(key) ?? readAncestry({ ...access, github }, compare, commit, of);
    asked.set(key, answer);
    return answer;
  };
  return async (what, recorded, candidate) => {
    const needed = recorded !== undefined && dependsOnAncestry(recorded, candidate);
    const { ancestry, note } = needed
      ? await ask(candidate, recorded.commit)
      : { ancestry: 'other' as const, note: undefined };
    const older = compareOrder(recorded, candidate, ancestry);
    return {
      ...(recorded && older && { outdated: outdatedError(what, recorded, candidate, older) }),
      ...(note !== undefined && { note }),
    };
  };
}

async function readAncestry(
  access: GitHubAccess,
  compare: typeof isAncestor,
  commit: string,
  of: string,
): Promise<{ ancestry: Ancestry; note?: string }> {
  const pair = `${of.slice(0, 7)} and ${commit.slice(0, 7)}`;
  const consequence = 'Only the numbers of runs decide which release is newer.';
  if (access.token === '') {
    return {
      ancestry: 'unknown',
      note: `Without github-token the commits ${pair} cannot be compared. ${consequence}`,
    };
  }
  try {
    return { ancestry: (await compare(access, commit, of)) ? 'ancestor' : 'other' };
  } catch (error) {
    access.context.signal.throwIfAborted();
    const note = `The commits ${pair} could not be compared (GitHub: ${reasonOf(error)}). ${consequence}`;
    return { ancestry: 'unknown', note };
  }
}

function outdatedError(
  what: string,
  recorded: RecordedSource,
  candidate: Candidate,
  older: Older,
): OutdatedError {
  const when = recorded.at === '' ? '' : ` at ${recorded.at.replace(/\.\d+Z$/, 'Z')}`;
  const [ours, theirs] = [shortCommit(candidate), shortCommit(recorded)];
  return new OutdatedError(
    older === 'run'
      ? `Run ${candidate.runNumber} of ${candidate.workflow}${ours} is older than run ${recorded.runNumber}${theirs}, which was released to ${what}${when}`
      : `The commit${ours} is an ancestor of the commit${theirs}, which was released to ${what}${when}`,
  );
}

function shortCommit({ commit }: ReleaseSource): string {
  return commit === '' ? '' : ` ${commit.slice(0, 7)}`;
}
