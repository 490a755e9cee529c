import { PlatformError, reasonOf } from '../core/errors.ts';
import type { GitHubAccess } from '../github/client.ts';
import { isAncestor } from '../github/compare.ts';
import { type RolledBackImages, wasRolledBack, isSameSource } from './rolled-back-images.ts';
import { type Ancestry, type Candidate, compareOrder, dependsOnAncestry, type Older } from './order.ts';
import type { ReleaseSource } from './source.ts';

const DEPLOY_NEWER = 'Deploy the newer commit, or set `allow-older: true` to replace it with this one.';
const DEPLOY_OTHER = 'Deploy a newer commit, or set `allow-older: true` to release this one again.';

/** A newer release is already recorded, or this release was rolled back. */
export class OutdatedError extends PlatformError {
  override readonly name = 'OutdatedError';

  constructor(message: string, fix = DEPLOY_NEWER) {
    super('outdated', message, { fix });
  }
}

/** The recorded source of the current release. */
export type RecordedSource = ReleaseSource & { at: string; image?: string; givenUp?: RolledBackImages };

/** The result of a comparison. */
interface OrderResult {
  /** Set if the candidate is older. */
  outdated?: OutdatedError;
  /** A sentence about what could not be compared. */
  note?: string;
}

/**
 * Compares a candidate with a recorded release.
 *
 * @param what the subject of the record, such as `user-service in staging`.
 */
export type OrderCheck = (
  what: string,
  recorded: RecordedSource | undefined,
  candidate: Candidate,
) => Promise<OrderResult>;

/** How the order of releases is enforced. */
export interface OrderRules {
  check: OrderCheck;
  /** Whether an older release may replace a newer one. */
  allowOlder: boolean;
}

/**
 * Creates a check that reads the ancestry of commits from GitHub, once for each pair, and only if run numbers do not
 * decide. If GitHub cannot compare them, only run numbers decide, and the result has a note.
 *
 * @param compare whether one commit is an ancestor of another.
 */
export function createOrderCheck(access: GitHubAccess, compare = isAncestor): OrderCheck {
  const known = new Map<string, Promise<{ ancestry: Ancestry; note?: string }>>();
  const ancestryOf = ({ repository, commit }: Candidate, of: string) => {
    const key = `${repository} ${of}...${commit}`;
    const github = { ...access.github, ...(repository !== '' && { repository }) };
    const found = known.get(key) ?? readAncestry({ ...access, github }, compare, commit, of);
    known.set(key, found);
    return found;
  };
  const compareWith = async (recorded: RecordedSource | undefined, candidate: Candidate) => {
    const needed = recorded !== undefined && dependsOnAncestry(recorded, candidate);
    const { ancestry, note } = needed
      ? await ancestryOf(candidate, recorded.commit)
      : { ancestry: 'other' as const, note: undefined };
    return { older: compareOrder(recorded, candidate, ancestry), note };
  };
  return async (what, recorded, candidate) => {
    const { older, note } = await compareWith(recorded, candidate);
    const notes = note !== undefined && { note };
    if (recorded && older) return { outdated: outdatedError(what, recorded, candidate, older), ...notes };
    if (!recorded?.givenUp) return { ...notes };
    const { givenUp, at } = recorded;
    if (wasRolledBack(givenUp, candidate))
      return { outdated: rolledBackError(what, recorded, candidate), ...notes };
    if (!givenUp.source || isSameSource(recorded, candidate)) return { ...notes };
    // A run that started before the rollback is older than the release that was rolled back.
    const late = await compareWith({ ...givenUp.source, at }, candidate);
    return {
      ...(late.older && { outdated: lateError(what, recorded, candidate, givenUp.source) }),
      ...(note === undefined ? late.note !== undefined && { note: late.note } : notes),
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
  const consequence = 'Only run numbers determine which release is newer.';
  if (access.token === '') {
    return {
      ancestry: 'unknown',
      note: `The commits ${pair} cannot be compared without github-token. ${consequence}`,
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
  const when = timeOf(recorded.at);
  const [ours, theirs] = [shortCommit(candidate), shortCommit(recorded)];
  return new OutdatedError(
    older === 'run'
      ? `Run ${candidate.runNumber} of ${candidate.workflow}${ours} is older than run ${recorded.runNumber}${theirs}, which was released to ${what}${when}`
      : `The commit${ours} is an ancestor of the commit${theirs}, which was released to ${what}${when}`,
  );
}

function rolledBackError(what: string, { at }: RecordedSource, candidate: Candidate): OutdatedError {
  const release = candidate.runNumber > 0 ? runOf(candidate) : 'This image';
  return new OutdatedError(`${release} was rolled back from ${what}${timeOf(at)}`, DEPLOY_OTHER);
}

function lateError(
  what: string,
  { at }: RecordedSource,
  candidate: Candidate,
  newest: ReleaseSource,
): OutdatedError {
  const message = `${runOf(candidate)} is older than ${lowerFirst(runOf(newest))}, which was rolled back from ${what}${timeOf(at)}`;
  return new OutdatedError(message, DEPLOY_OTHER);
}

function runOf(source: ReleaseSource): string {
  if (source.runNumber === 0) return `The commit${shortCommit(source)}`;
  return `Run ${source.runNumber} of ${source.workflow}${shortCommit(source)}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function timeOf(at: string): string {
  return at === '' ? '' : ` at ${at.replace(/\.\d+Z$/, 'Z')}`;
}

function shortCommit({ commit }: ReleaseSource): string {
  return commit === '' ? '' : ` ${commit.slice(0, 7)}`;
}
