import { digestIn } from '../ecs/proof.ts';
import { familyOf, revisionNumber } from '../ecs/task-definition/task-definition.ts';

/** A release as its history has it: one of the ledger's, or a successful deployment of ECS. */
export interface PastRelease {
  /** Of the main container; best `repository@digest`. */
  image: string;
  /** `family:revision` or an ARN; absent where it was not recorded. */
  taskDefinition?: string;
  /** The image that this release was a rollback from. */
  rolledBackFrom?: string;
  /** False when no task of it was seen to run. */
  proven?: boolean;
}

/** What the service works towards when the rollback is asked for. */
export interface CurrentRelease {
  image: string;
  taskDefinition?: string;
  /** `incoming`: it is being deployed over another revision, which may be the way back already. */
  state: 'complete' | 'incoming' | 'other';
}

/**
 * What tells two releases apart: `revision` takes a change of the configuration for a release of its own; `image` does
 * not, for a way back that only exchanges the image.
 */
type Identity = 'revision' | 'image';

/** Which candidate a rollback goes to: so many releases back, or the nearest one of an image. */
export type RollbackChoice = { steps: number } | { digest: string };

/**
 * The releases that a rollback may be asked to go to, the nearest first: those before what runs, strictly backwards, that
 * were good. After a deployment that never became a release, the newest good one is the first; one that is on its way
 * already comes before all.
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

/**
 * Whether a ledger has one image at most, and no rollback: what ran before its first release is known to ECS alone.
 */
export function isFirstRelease(history: readonly PastRelease[]): boolean {
  return history.every(
    ({ image, rolledBackFrom }) =>
      rolledBackFrom === undefined && isSameImage(image, history[0]?.image ?? ''),
  );
}

/** The candidate that is asked for; undefined when there is none. */
export function chooseCandidate<R extends PastRelease>(
  candidates: readonly R[],
  choice: RollbackChoice,
): R | undefined {
  if ('steps' in choice) return candidates[choice.steps - 1];
  return candidates.find(({ image }) => digestIn(image) === choice.digest);
}

const LISTED = 5;

/** The candidates for a person who has to choose one, the nearest first. */
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
 * The releases that were good, the newest first. What was rolled back from is left out; so is what an earlier image, or
 * an earlier revision, took the place of: that was a way back too.
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
  // Between revisions of one image, the revisions tell which came after.
  if (rolledBackFrom !== undefined && !isSameImage(rolledBackFrom, release.image)) {
    remove(good, (one) => isSameImage(one.image, rolledBackFrom));
  }
  remove(good, (one) => isNewerRevision(one, release));
  const at = good.findLastIndex(({ image }) => isSameImage(image, release.image));
  const isWayBack = rolledBackFrom !== undefined || (at >= 0 && at < good.length - 1);
  if (at >= 0) good.length = at + 1;
  const last = good.at(-1);
  const replaces = last !== undefined && at >= 0 && (isWayBack || !isOtherRevision(last, release));
  if (!replaces) {
    good.push(release);
    return;
  }
  // Proof once is proof: what is recorded again while no task is wanted stays proven.
  const isProven = last.proven !== false || release.proven !== false;
  good[good.length - 1] = { ...release, ...(release.proven !== undefined && { proven: isProven }) };
}

function remove<R>(releases: R[], isGone: (release: R) => boolean): void {
  const kept = releases.filter((release) => !isGone(release));
  releases.splice(0, releases.length, ...kept);
}

/** Where the current release stands among the good ones; -1 when it is none of them. */
function positionOf(current: CurrentRelease, good: readonly PastRelease[], identity: Identity): number {
  const at = good.findIndex((release) => isCurrent(release, current, identity));
  if (at >= 0 || current.state !== 'complete') return at;
  // Another revision of the same image, such as the stack's, which was not recorded.
  return good.findIndex(({ image }) => isSameImage(image, current.image));
}

function isCurrent(release: PastRelease, current: CurrentRelease, identity: Identity): boolean {
  const isKnown = release.taskDefinition !== undefined && current.taskDefinition !== undefined;
  // The current revision may name its image by a tag, which the record has by digest.
  if (identity === 'revision' && isKnown) return !isOtherRevision(release, current);
  return isSameImage(release.image, current.image);
}

type RevisionOf = Pick<PastRelease, 'taskDefinition'>;

/** Whether both revisions are known, and are not the same. */
function isOtherRevision(
  { taskDefinition: one }: RevisionOf,
  { taskDefinition: other }: RevisionOf,
): boolean {
  if (one === undefined || other === undefined) return false;
  return familyOf(one) !== familyOf(other) || revisionNumber(one) !== revisionNumber(other);
}

/** Whether a release has a later revision of the same family than another one. */
function isNewerRevision(
  { taskDefinition: one }: RevisionOf,
  { taskDefinition: other }: RevisionOf,
): boolean {
  if (one === undefined || other === undefined || familyOf(one) !== familyOf(other)) return false;
  return revisionNumber(one) > revisionNumber(other);
}

/** Images by digest are the same in any repository; others by their name. */
export function isSameImage(one: string, other: string): boolean {
  return one === other || (digestIn(one) !== undefined && digestIn(one) === digestIn(other));
}
