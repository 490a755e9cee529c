import { digestIn } from '../ecs/proof.ts';
import type { ReleaseSource } from './source.ts';

/** What a run would release: its source, and the image where it is known already. */
export interface Candidate extends ReleaseSource {
  image?: string;
}

/** Whether the candidate's commit is an ancestor of the recorded one; `unknown` where GitHub does not tell. */
export type Ancestry = 'ancestor' | 'other' | 'unknown';

/** Why a candidate is older than the recorded release: by the number of its run, or by its commit. */
export type Older = 'run' | 'commit';

type Recorded = ReleaseSource & { image?: string };

/**
 * Whether a candidate is older than what is recorded. Runs are compared within one workflow and ref, whose run numbers
 * follow the order of the events; everything else by ancestry alone.
 *
 * - The recorded run itself is older only when it has another commit checked out, an ancestor.
 * - An earlier run of the same commit is older only when it would release another image.
 * - Without a record, with a record of another repository, or with one that tells neither run nor commit, nothing is
 *   older.
 */
export function compareOrder(
  recorded: Recorded | undefined,
  candidate: Candidate,
  ancestry: Ancestry,
): Older | undefined {
  if (!recorded || !isSameRepository(recorded, candidate)) return undefined;
  const known = candidate.commit !== '' && recorded.commit !== '';
  const sameCommit = known && candidate.commit === recorded.commit;
  const isEarlierRun = isSameQueue(recorded, candidate) && candidate.runNumber < recorded.runNumber;
  if (isEarlierRun && !(sameCommit && mayBeSameImage(recorded, candidate))) return 'run';
  return known && !sameCommit && ancestry === 'ancestor' ? 'commit' : undefined;
}

/** Whether the comparison depends on the ancestry of the two commits. */
export function dependsOnAncestry(recorded: Recorded | undefined, candidate: Candidate): boolean {
  return compareOrder(recorded, candidate, 'ancestor') !== compareOrder(recorded, candidate, 'other');
}

/** The repository of a record that an older version has written is unknown, and taken for the same. */
function isSameRepository(recorded: Recorded, { repository }: Candidate): boolean {
  return recorded.repository === '' || recorded.repository === repository;
}

/** Whether the two run numbers count runs of one workflow on one ref. */
export function isSameQueue(recorded: ReleaseSource, { workflow, ref, runNumber }: ReleaseSource): boolean {
  const known = workflow !== '' && ref !== '' && runNumber > 0 && recorded.runNumber > 0;
  return known && recorded.workflow === workflow && recorded.ref === ref;
}

function mayBeSameImage(recorded: Recorded, { image }: Candidate): boolean {
  if (image === undefined || recorded.image === undefined) return true;
  return (digestIn(image) ?? image) === (digestIn(recorded.image) ?? recorded.image);
}
