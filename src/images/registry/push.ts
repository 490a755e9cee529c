import { type Descriptor, storedBlobs } from './manifest.ts';
import type { ImageLayout } from './layout.ts';
import { inParallel } from '../../core/concurrency.ts';
import { bytes, plural } from '../../core/text.ts';
import type { RegistryClient } from './client.ts';
import { type ProofContext, requireImage } from './proof.ts';

const CHECKS_AT_ONCE = 16;
const UPLOADS_AT_ONCE = 6;

/** The blobs of an image, by whether they had to be pushed. Sizes are in bytes. */
export interface PushedBlobs {
  pushedBlobs: number;
  pushedBytes: number;
  /** Already in the repository. */
  presentBlobs: number;
  presentBytes: number;
}

/**
 * Pushes an image without a tag: first the missing blobs in parallel, then the manifests of an index's images, and
 * finally the root, so that every image that is visible in the repository is complete. The root is then read back.
 *
 * @throws UnprovenError if the registry does not return it.
 */
export async function pushLayout(
  layout: ImageLayout,
  { registry, name }: { registry: RegistryClient; name: string },
  context: ProofContext,
): Promise<PushedBlobs> {
  const blobs = storedBlobs(layout.images);
  const present = new Set<string>();
  await inParallel(blobs, CHECKS_AT_ONCE, async ({ digest, size }) => {
    if (await registry.hasBlob(digest, size)) present.add(digest);
  });
  const missing = blobs.filter(({ digest }) => !present.has(digest));
  const found = blobs.filter(({ digest }) => present.has(digest));
  context.log.info(
    `Pushing ${plural(missing.length, 'blob')} (${bytes(bytesOf(missing))}). ${found.length} already exist.`,
  );
  // The largest first, so that no long upload remains at the end.
  const order = missing.toSorted((a, b) => b.size - a.size);
  await inParallel(order, UPLOADS_AT_ONCE, ({ digest, size }) =>
    registry.upload({ digest, size, open: () => layout.read(digest) }),
  );
  await inParallel(layout.children, UPLOADS_AT_ONCE, (child) => registry.putManifest(child.digest, child));
  await registry.putManifest(layout.root.digest, layout.root);
  await requireImage({ registry, name }, layout.root.digest, context);
  return {
    pushedBlobs: missing.length,
    pushedBytes: bytesOf(missing),
    presentBlobs: found.length,
    presentBytes: bytesOf(found),
  };
}

function bytesOf(blobs: readonly Descriptor[]): number {
  return blobs.reduce((sum, { size }) => sum + size, 0);
}
