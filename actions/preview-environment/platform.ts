import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { readManifest, type Manifest } from '../../src/environment/manifest/manifest.ts';
import type { PreviewService } from '../../src/environment/preview/preview.ts';
import type { Context } from '../../src/core/context.ts';
import { InputError } from '../../src/core/errors.ts';
import { suggest } from '../../src/core/text.ts';

const DEFAULT_FILE = 'platform.yml';
/** A rule has five values, and the host name is one of them. */
const MOST_PATHS = 4;

/** The manifest; undefined when there is none of the usual name, as where the branch is gone. */
export function readPlatform(
  file: string,
  workspace: string,
  context: Pick<Context, 'annotations'>,
): Manifest | undefined {
  if (file === DEFAULT_FILE && !existsSync(resolve(workspace, file))) return undefined;
  return readManifest(file, workspace, context);
}

/** A service of the manifest as the template of previews wants it. */
export function serviceOf(
  manifest: Manifest | undefined,
  project: string,
  name: string,
  image: string,
): PreviewService {
  if (!manifest) return { name, image, repository: `${project}/${name}`, parameters: {} };
  const service = Object.hasOwn(manifest.services, name) ? manifest.services[name] : undefined;
  if (!service) {
    const known = Object.keys(manifest.services);
    const meant = suggest(name, known);
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    throw new InputError('images', name, `${manifest.file} has the services ${known.join(', ')}${hint}`);
  }
  const { paths, port, parameters, repository } = service;
  if (paths.length > MOST_PATHS) {
    const allowed = `a preview has ${MOST_PATHS} paths at most beside its host name; ${manifest.file} gives it ${paths.length}`;
    throw new InputError('images', name, allowed);
  }
  return {
    name,
    image,
    repository,
    parameters: {
      ...parameters,
      Paths: paths.join(','),
      ...(port !== undefined && { ContainerPort: String(port) }),
    },
  };
}
