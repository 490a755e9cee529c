import { digestIn } from '../ecs/proof.ts';
import { familyOf, revisionNumber } from '../ecs/task-definition/task-definition.ts';

/** A past release: a record of the ledger or a successful ECS deployment. */
export interface PastRelease {
  /** Image of the main container, preferably `repository@digest`. */
  image: string;
  /** `family:revision` or an ARN; absent if not recorded. */
  taskDefinition?: string;
  /** The image that this release was a rollback from. */
  rolledBackFrom?: string;
  /** False if no task was seen to run it. */
  proven?: boolean;
}

/** The release that the service is working towards when the rollback is requested. */
export interface CurrentRelease {
  image: string;
  taskDefinition?: string;
  /** `incoming`: it is replacing another revision, which may already be a rollback. */
  state: 'complete' | 'incoming' | 'other';
}

/**
 * What distinguishes two releases. `revision` counts a configuration change as a separate release; `image` does not,
 * for a rollback that only replaces the image.
 */
type Identity = 'revision' | 'image';

/** Selects the candidate for a rollback: a number of releases back, or the nearest release of an image. */
export type RollbackChoice = { steps: number } | { digest: string };

/**
 * The releases that a rollback may go to, the nearest first: good releases before the current one, strictly backwards.
 * After a deployment that never succeeded, the newest good release is the first. A release that is already being
 * rolled out comes before all others.
 *
 * @param history the newest first.
 */
export function rollbackCandidates<R extends PastRelease>(
  history: readonly R[],
  current: CurrentRelease,
  identity: Identity,
): R[] {
  const good = goodReleases(history);
  const at = positionOf(current, good, identity);
  const incoming = current.state === 'incoming' ? good[at] : undefined;
  const before = good
    .slice(at + 1)
    .filter((release) => release.proven !== false && !isCurrent(release, current, identity));
  return incoming && incoming.proven !== false ? [incoming, ...before] : before;
}

/** Whether a ledger has at most one image and no rollback. Only ECS knows what ran before its first release. */
export function isFirstRelease(history: readonly PastRelease[]): boolean {
  return history.every(
    ({ image, rolledBackFrom }) =>
      rolledBackFrom === undefined && isSameImage(image, history[0]?.image ?? ''),
  );
}

/** The requested candidate; undefined if there is none. */
export function chooseCandidate<R extends PastRelease>(
  candidates: readonly R[],
  choice: RollbackChoice,
): R | undefined {
  if ('steps' in choice) return candidates[choice.steps - 1];
  return candidates.find(({ image }) => digestIn(image) === choice.digest);
}

const LISTED = 5;

/** Lists the candidates for the user to choose from, the nearest first. */
export function listCandidates(
  candidates: readonly (PastRelease & { commit?: string; at?: string })[],
): string {
  const listed = candidates.slice(0, LISTED).map(({ image, commit = '', at = '', taskDefinition }) => {
    const facts = [
      ...(commit === '' ? [] : [`commit ${commit.slice(0, 7)}`]),
      ...(at === '' ? [] : [at.replace(/\.\d+Z$/, 'Z')]),
      ...(taskDefinition === undefined ? [] : [taskDefinition.slice(taskDefinition.lastIndexOf('/') + 1)]),
    ];
    const name = digestIn(image) ?? image;
    return facts.length === 0 ? name : `${name} (${facts.join(', ')})`;
  });
  const more = candidates.length - listed.length;
  return `${listed.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

/**
 * The good releases, the newest first. Releases that were rolled back are excluded, and so are releases that an
 * earlier image or an earlier revision replaced, because that was a rollback too.
 *
 * @param history the newest first.
 */
export function goodReleases<R extends PastRelease>(history: readonly R[]): R[] {
  const good: R[] = [];
  for (const release of history.toReversed()) add(good, release);
  return good.toReversed();
}

/** @param good the oldest first. */
function add<R extends PastRelease>(good: R[], release: R): void {
  const { rolledBackFrom } = release;
  // For two revisions of one image, the revision numbers show which is newer.
  if (rolledBackFrom !== undefined && !isSameImage(rolledBackFrom, release.image)) {
    remove(good, (one) => isSameImage(one.image, rolledBackFrom));
  }
  remove(good, (one) => isNewerRevision(one, release));
  const at = good.findLastIndex(({ image }) => isSameImage(image, release.image));
  const isRollback = rolledBackFrom !== undefined || (at >= 0 && at < good.length - 1);
  if (at >= 0) good.length = at + 1;
  const last = good.at(-1);
  const replaces = last !== undefined && at >= 0 && (isRollback || !isOtherRevision(last, release));
  if (!replaces) {
    good.push(release);
    return;
  }
  // Proof is permanent: a release that is recorded again while no task is desired stays proven.
  const isProven = last.proven !== false || release.proven !== false;
  good[good.length - 1] = { ...release, ...(release.proven !== undefined && { proven: isProven }) };
}

function remove<R>(releases: R[], isRemoved: (release: R) => boolean): void {
  const kept = releases.filter((release) => !isRemoved(release));
  releases.splice(0, releases.length, ...kept);
}

/** Index of the current release among the good ones; -1 if it is not one of them. */
function positionOf(current: CurrentRelease, good: readonly PastRelease[], identity: Identity): number {
  const at = good.findIndex((release) => isCurrent(release, current, identity));
  if (at >= 0 || current.state !== 'complete') return at;
  // Another revision of the same image that was not recorded, such as the stack's.
  return good.findIndex(({ image }) => isSameImage(image, current.image));
}

function isCurrent(release: PastRelease, current: CurrentRelease, identity: Identity): boolean {
  const isKnown = release.taskDefinition !== undefined && current.taskDefinition !== undefined;
  // The current revision may refer to its image by tag; the record has the digest.
  if (identity === 'revision' && isKnown) return !isOtherRevision(release, current);
  return isSameImage(release.image, current.image);
}

type RevisionOf = Pick<PastRelease, 'taskDefinition'>;

/** Whether both revisions are known and different. */
function isOtherRevision(
  { taskDefinition: one }: RevisionOf,
  { taskDefinition: other }: RevisionOf,
): boolean {
  if (one === undefined || other === undefined) return false;
  return familyOf(one) !== familyOf(other) || revisionNumber(one) !== revisionNumber(other);
}

/** Whether a release has a later revision of the same family than another release. */
function isNewerRevision(
  { taskDefinition: one }: RevisionOf,
  { taskDefinition: other }: RevisionOf,
): boolean {
  if (one === undefined || other === undefined || familyOf(one) !== familyOf(other)) return false;
  return revisionNumber(one) > revisionNumber(other);
}

/** Images with the same digest are equal in any repository; others are compared by name. */
export function isSameImage(one: string, other: string): boolean {
  return one === other || (digestIn(one) !== undefined && digestIn(one) === digestIn(other));
}
