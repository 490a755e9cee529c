import type { Candidate } from './order.ts';
import { isSameQueue } from './order.ts';
import { isSameImage } from './rollback-target.ts';
import { type ReleaseSource, sourceOf } from './source.ts';

/** What an environment was rolled back from since its last new release. */
export interface GivenUp {
  /** Whole, the first that was given up first. */
  images: readonly string[];
  /** The source of the newest of them; absent where it never became a release. */
  source?: ReleaseSource;
}

/** What is recorded of a release, as far as it matters here. */
interface RecordOf extends ReleaseSource {
  image: string;
  rolledBackFrom?: string;
  givenUp?: GivenUp;
}

/** A parameter has room for 4096 characters, and one image takes up to 400. */
const KEPT_IMAGES = 4;

/**
 * What is given up once a release is recorded. A rollback adds what it goes back from; a record of the image that is in
 * place keeps what was given up; any other image is a new release, before which nothing counts.
 *
 * @param last the record before it.
 */
export function givenUpBy(last: RecordOf | undefined, next: RecordOf): GivenUp | undefined {
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

/** Whether a candidate is a release that was given up, by its image, its run or its commit. */
export function isGivenUp({ images, source }: GivenUp, candidate: Candidate): boolean {
  const { image } = candidate;
  if (image !== undefined && images.some((one) => isSameImage(one, image))) return true;
  return source !== undefined && isSameSource(source, candidate);
}

/** Whether two sources are the same run or the same commit. */
export function isSameSource(one: ReleaseSource, other: ReleaseSource): boolean {
  if (one.repository !== '' && one.repository !== other.repository) return false;
  if (isSameQueue(one, other) && one.runNumber === other.runNumber) return true;
  return one.commit !== '' && one.commit === other.commit;
}
