import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Context } from '../../core/context.ts';
import { type FileLine, PlatformError, withPlace } from '../../core/errors.ts';
import { sentence, suggest } from '../../core/text.ts';
import type { Manifest, Service } from '../manifest/manifest.ts';
import type { Choice } from '../run/targets.ts';

/** A file or folder that a build needs and the workspace does not contain. */
export interface MissingBuildFile {
  /** Relative to the workspace. */
  path: string;
  /** With the line. */
  message: string;
  fix: string;
  /** The line of the manifest that references it. */
  at: FileLine;
}

interface BuildFile {
  /** Path in the manifest: `services.api.path`. */
  key: readonly string[];
  /** As in the manifest, relative to the workspace. */
  path: string;
  kind: 'folder' | 'file' | 'layout';
}

/** An OCI layout is only required for a push, because an earlier step of the same job writes it. */
type Purpose = 'check' | 'push';

/** The missing folders, Dockerfiles and, for a push, OCI layouts of services. */
export function missingBuildFiles(
  manifest: Manifest,
  { services, existing }: Pick<Choice, 'services' | 'existing'>,
  workspace: string,
  purpose: Purpose,
): MissingBuildFile[] {
  return [...services, ...existing].flatMap(({ name, build, ...service }) => {
    if (!build) return [];
    const files = filesOf(name, build, 'path' in service ? service.path : undefined).filter(
      ({ kind }) => kind !== 'layout' || purpose === 'push',
    );
    const found = files.flatMap((file) => missing(manifest, file, workspace));
    // A missing folder has no Dockerfile either.
    return found.filter(({ path }) => !found.some((other) => path.startsWith(`${other.path}/`)));
  });
}

/**
 * Requires the files and folders that the images of a run are built from, before it changes anything.
 *
 * @throws PlatformError `manifest-invalid` with everything that is missing. Each one gets an annotation on its line.
 */
export function requireBuildFiles(
  { annotations, workspace }: Pick<Context, 'annotations'> & { workspace: string },
  manifest: Manifest,
  choice: Pick<Choice, 'services' | 'existing'>,
  purpose: Purpose,
): void {
  const found = missingBuildFiles(manifest, choice, workspace, purpose);
  const [first, ...others] = found;
  if (!first) return;
  for (const { message, fix, at } of others) {
    const text = `${sentence(message)} Fix: ${fix}`;
    annotations.add({ level: 'error', title: 'Build files', message: text, priority: 90, ...at });
  }
  const messages = found.map(({ message }) => (others.length === 0 ? message : sentence(message)));
  throw new PlatformError('manifest-invalid', messages.join('\n'), { fix: first.fix, at: first.at });
}

function filesOf(name: string, build: Service['build'], path: string | undefined): BuildFile[] {
  const { from, ociLayout, bakeFiles, context, file, buildContexts } = build;
  const at = ['services', name];
  if (from !== undefined) return [];
  if (ociLayout !== undefined)
    return [{ key: [...at, 'build', 'oci-layout'], path: ociLayout, kind: 'layout' }];
  if (bakeFiles.length > 0)
    return bakeFiles.map((bake) => ({ key: [...at, 'build', 'bake-file'], path: bake, kind: 'file' }));
  const folder: BuildFile = {
    key: context === path ? [...at, 'path'] : [...at, 'build', 'context'],
    path: context,
    kind: 'folder',
  };
  const dockerfile: BuildFile = {
    key: file === `${path ?? context}/Dockerfile` ? [...at, 'path'] : [...at, 'build', 'file'],
    path: file,
    kind: 'file',
  };
  const named = Object.entries(buildContexts).flatMap(([key, value]): BuildFile[] =>
    value.includes(':')
      ? []
      : [{ key: [...at, 'build', 'build-contexts', key], path: value, kind: 'folder' }],
  );
  return [folder, dockerfile, ...named];
}

function missing(manifest: Manifest, { key, path, kind }: BuildFile, workspace: string): MissingBuildFile[] {
  if (exists(kind, resolve(workspace, path))) return [];
  const name = key.join('.');
  const what = kind === 'file' && /dockerfile/i.test(path) ? 'Dockerfile' : WHAT[kind];
  const meant = similarSibling(path, workspace);
  const hint = meant === undefined ? '' : `. Did you mean "${meant}"?`;
  const at = { file: manifest.file, line: manifest.lineOf(key) };
  return [
    {
      path,
      message: `${name}: ${withPlace(`no such ${what} "${path}"${hint}`, at)}`,
      fix: `Correct ${name}, or add the ${what} ${path}.`,
      at,
    },
  ];
}

const WHAT = { folder: 'folder', file: 'file', layout: 'OCI layout' } as const;

function exists(kind: BuildFile['kind'], path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (kind === 'layout') return found !== undefined;
  return (kind === 'folder' ? found?.isDirectory() : found?.isFile()) === true;
}

/** A sibling of a missing path with a similar name. */
function similarSibling(path: string, workspace: string): string | undefined {
  const folder = dirname(resolve(workspace, path));
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return undefined;
  const name = suggest(basename(path), readdirSync(folder));
  return name === undefined ? undefined : join(dirname(path), name).replaceAll('\\', '/');
}
