import type { Candidate } from './order.ts';
import { isSameWorkflowAndRef } from './order.ts';
import { isSameImage } from './rollback-target.ts';
import { type ReleaseSource, sourceOf } from './source.ts';

/** The images that an environment was rolled back from since its last new release. */
export interface RolledBackImages {
  /** Full image references, in the order of the rollbacks. */
  images: readonly string[];
  /** The source of the most recent image; absent if it was never released successfully. */
  source?: ReleaseSource;
}

/** The relevant fields of a recorded release. */
interface ReleaseRecord extends ReleaseSource {
  image: string;
  rolledBackFrom?: string;
  givenUp?: RolledBackImages;
}

/** A parameter holds 4096 characters, and an image takes up to 400. */
const KEPT_IMAGES = 4;

/**
 * The rolled-back images after a release is recorded. A rollback adds the image that it replaces. A record of the
 * current image keeps the list. Any other image is a new release and clears it.
 *
 * @param last the record before it.
 */
export function updateRolledBackImages(
  last: ReleaseRecord | undefined,
  next: ReleaseRecord,
): RolledBackImages | undefined {
  const { rolledBackFrom: from, image } = next;
  if (from !== undefined && !isSameImage(from, image)) {
    const before = last?.givenUp?.images ?? [];
    const others = before.filter((one) => !isSameImage(one, from) && !isSameImage(one, image));
    const source =
      last?.givenUp?.source ?? (last && isSameImage(last.image, from) ? sourceOf(last) : undefined);
    return { images: [...others, from].slice(-KEPT_IMAGES), ...(source && { source }) };
  }
  return last && isSameImage(last.image, image) ? last.givenUp : undefined;
}

/** Whether a candidate was rolled back before, by image, run or commit. */
export function wasRolledBack({ images, source }: RolledBackImages, candidate: Candidate): boolean {
  const { image } = candidate;
  if (image !== undefined && images.some((one) => isSameImage(one, image))) return true;
  return source !== undefined && isSameSource(source, candidate);
}

/** Whether two sources are the same run or the same commit. */
export function isSameSource(one: ReleaseSource, other: ReleaseSource): boolean {
  if (one.repository !== '' && one.repository !== other.repository) return false;
  if (isSameWorkflowAndRef(one, other) && one.runNumber === other.runNumber) return true;
  return one.commit !== '' && one.commit === other.commit;
}
