import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../core/errors.ts';

/** The scheme of named contexts that are images of an OCI layout. */
export const LAYOUT_SCHEME = 'oci-layout://';

/**
 * The digest of the image of `oci-layout://path[:tag][@digest]`.
 *
 * @throws InputError if it is not in the layout.
 * @see https://github.com/docker/buildx/blob/master/util/ocilayout/parse.go
 * @see https://github.com/docker/buildx/blob/master/build/opt.go (resolveDigest)
 */
export function layoutDigest(value: string): string {
  const [, named = '', digest] =
    /^(.*?)(?:@(\w+:[\da-f]{32,}))?$/s.exec(value.slice(LAYOUT_SCHEME.length)) ?? [];
  // For buildx, everything after the last colon is the tag, even with a slash.
  const [, path = named, tag] = /^(.*):([^:]*\w[^:]*)$/s.exec(named) ?? [];
  const found = digest ?? taggedDigest(path, tag ?? 'latest');
  const [algorithm = '', hex = ''] = found?.split(':') ?? [];
  if (found === undefined || !existsSync(join(path, 'blobs', algorithm, hex))) {
    throw new InputError('build-contexts', value, `expected an image in the layout ${path}`);
  }
  return found;
}

interface LayoutIndex {
  manifests?: { digest?: string; annotations?: Record<string, string> }[];
}

/** The image with a name or tag, or the only image; undefined if there is none. */
function taggedDigest(path: string, tag: string): string | undefined {
  const manifests = readLayoutIndex(path);
  const byAnnotation = (name: string): string | undefined =>
    manifests.find(({ annotations }) => annotations?.[name] === tag)?.digest;
  return (
    byAnnotation('io.containerd.image.name') ??
    byAnnotation('org.opencontainers.image.ref.name') ??
    (manifests.length === 1 ? manifests[0]?.digest : undefined)
  );
}

function readLayoutIndex(path: string): NonNullable<LayoutIndex['manifests']> {
  try {
    const index = Object(JSON.parse(readFileSync(join(path, 'index.json'), 'utf8'))) as LayoutIndex;
    return index.manifests ?? [];
  } catch (error) {
    throw new InputError(
      'build-contexts',
      `${LAYOUT_SCHEME}${path}`,
      `expected an OCI layout (${String(error)})`,
    );
  }
}
