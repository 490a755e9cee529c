import { digestIn } from '../ecs/proof.ts';
import type { ReleaseSource } from './source.ts';

/** A release that a run is about to make: its source, and its image if known. */
export interface Candidate extends ReleaseSource {
  image?: string;
}

/** Whether the candidate's commit is an ancestor of the recorded one; `unknown` if GitHub cannot compare them. */
export type Ancestry = 'ancestor' | 'other' | 'unknown';

/** Why a candidate is older than the recorded release: its run number or its commit. */
export type Older = 'run' | 'commit';

type Recorded = ReleaseSource & { image?: string };

/**
 * Compares a candidate with the recorded release. Runs are compared within one workflow and ref, whose run numbers
 * follow the order of the events; everything else only by ancestry.
 *
 * - The recorded run itself is older only if it has checked out another commit, an ancestor.
 * - An earlier run of the same commit is older only if it would release another image.
 * - Without a record, or if the record is from another repository or has neither run nor commit, the candidate is not
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
  const isEarlierRun = isSameWorkflowAndRef(recorded, candidate) && candidate.runNumber < recorded.runNumber;
  if (isEarlierRun && !(sameCommit && mayBeSameImage(recorded, candidate))) return 'run';
  return known && !sameCommit && ancestry === 'ancestor' ? 'commit' : undefined;
}

/** Whether the comparison depends on the ancestry of the two commits. */
export function dependsOnAncestry(recorded: Recorded | undefined, candidate: Candidate): boolean {
  return compareOrder(recorded, candidate, 'ancestor') !== compareOrder(recorded, candidate, 'other');
}

/** Records of older versions have no repository. They are assumed to be from the same one. */
function isSameRepository(recorded: Recorded, { repository }: Candidate): boolean {
  return recorded.repository === '' || recorded.repository === repository;
}

/** Whether two sources are runs of the same workflow and ref, whose run numbers can be compared. */
export function isSameWorkflowAndRef(
  recorded: ReleaseSource,
  { workflow, ref, runNumber }: ReleaseSource,
): boolean {
  const known = workflow !== '' && ref !== '' && runNumber > 0 && recorded.runNumber > 0;
  return known && recorded.workflow === workflow && recorded.ref === ref;
}

function mayBeSameImage(recorded: Recorded, { image }: Candidate): boolean {
  if (image === undefined || recorded.image === undefined) return true;
  return (digestIn(image) ?? image) === (digestIn(recorded.image) ?? recorded.image);
}
