import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../core/canonical.ts';
import { InputError, PlatformError } from '../core/errors.ts';
import { shownPath } from '../core/inputs/file.ts';
import { plural } from '../core/text.ts';
import { resolveBases } from './bases.ts';
import { resolveBake } from './build/bake.ts';
import { readBuildDefaults } from './build/builder.ts';
import type { BuildRequest } from './build/command.ts';
import { type BuildEnvironment, hashContent, readDockerfile } from './build/content-hash.ts';
import { DockerClient } from './build/docker.ts';
import { environmentPlatforms } from './build/platforms.ts';
import type { BuildContext, BuildSource, ImageContext, ImageRequest } from './context.ts';
import { type MirrorSource, openMirror } from './other-registries.ts';
import type { Progress } from './progress.ts';
import { ImageLayout, unpackLayout } from './registry/layout.ts';

/** The source of an image, checked before the first call to AWS or Docker. */
export type ImageSource =
  | { kind: 'layout'; layout: ImageLayout }
  | MirrorSource
  | {
      kind: 'build';
      build: BuildRequest;
      /** The tag of the first image of the same content; see Generation. */
      contentTag?: string;
    };

/** Checks the source and hashes the build's content. Throws InputError. */
export async function openSource(
  { source }: ImageRequest,
  folder: string,
  progress: Progress,
  context: ImageContext,
): Promise<ImageSource> {
  const { log, signal, env } = context;
  if (source.kind === 'mirror') return openMirror(source.image, progress, context);
  if (source.kind === 'layout') {
    return { kind: 'layout', layout: await openLayout(source.path, folder, signal, env['GITHUB_WORKSPACE']) };
  }
  const build = await openBuild(source, folder, progress, context);
  const environment = await readEnvironment(build, folder, context);
  if (environment === undefined) {
    progress.note(
      'Images of the same content are not reused, because the builder does not report its platform. Fix: Set platforms.',
    );
    return { kind: 'build', build };
  }
  const [{ hash, files, notes }, bases] = await Promise.all([
    hashContent(build, environment),
    resolveBases(build, environment.platforms, progress, context),
  ]);
  log.info(`Content hash of ${plural(files, 'file')}: ${hash}`);
  for (const note of notes) progress.note(note);
  return { kind: 'build', build, contentTag: contentTag(hash, bases) };
}

/** The tag for the content and the known digests of base images. */
function contentTag(hash: string, bases: readonly [string, string][]): string {
  return `content-${bases.length === 0 ? hash : sha256(JSON.stringify([hash, bases]))}`;
}

/** What the content depends on in addition to the request; undefined if its platform is not known. */
async function readEnvironment(
  { platforms }: BuildRequest,
  folder: string,
  context: BuildContext,
): Promise<BuildEnvironment | undefined> {
  const { env, signal } = context;
  const docker = new DockerClient(join(folder, 'check'), undefined, env, context);
  const requested = platforms.length > 0 ? platforms : environmentPlatforms(env);
  try {
    const defaults = await readBuildDefaults(docker, requested);
    if (defaults.platforms.length === 0) return undefined;
    const dialect = defaults.name === 'buildx' ? 'buildx' : 'docker-20';
    return { platforms: defaults.platforms, dialect, env, signal };
  } catch (error) {
    if (!(error instanceof PlatformError && error.code === 'docker-unavailable')) throw error;
    // Without Docker, an image that was built with buildx elsewhere can still be reused.
    return requested.length > 0 ? { platforms: requested, dialect: 'buildx', env, signal } : undefined;
  }
}

/** Resolves the bake file, if there is one, and checks the build's files. Throws InputError. */
export async function openBuild(
  { build: given, bake }: BuildSource,
  folder: string,
  progress: Progress,
  context: BuildContext,
): Promise<BuildRequest> {
  const workspace = context.env['GITHUB_WORKSPACE'] ?? '.';
  if (!bake) {
    await requireFiles(given, workspace);
    return given;
  }
  for (const file of bake.files) await requireFile('bake-file', file, workspace);
  const docker = new DockerClient(join(folder, 'bake'), undefined, context.env, context);
  const { build, notes } = await resolveBake(docker, bake, given);
  for (const note of notes) progress.note(note);
  for (const spec of Object.values(build.secretSpecs ?? {})) {
    const value = context.env[/,env=(.*)$/.exec(spec)?.[1] ?? ''];
    if (value !== undefined) context.log.secret(value);
  }
  await requireFiles(build, workspace);
  return build;
}

/** Opens a layout. A tar archive is unpacked into `folder` first. */
export async function openLayout(
  path: string,
  folder: string,
  signal: AbortSignal,
  workspace = '.',
): Promise<ImageLayout> {
  const found = await stat(path).catch(() => undefined);
  const shown = shownPath(path, workspace);
  if (!found)
    throw new InputError('oci-layout', shown, 'expected a folder or a tar archive in the workspace');
  if (found.isDirectory()) return ImageLayout.open('oci-layout', path, shown);
  if (!found.isFile()) throw new InputError('oci-layout', shown, 'expected a folder or a tar archive');
  await unpackLayout('oci-layout', path, folder, signal, shown);
  return ImageLayout.open('oci-layout', folder, shown);
}

async function requireFiles(
  { context, file, buildContexts }: BuildRequest,
  workspace: string,
): Promise<void> {
  await requireFolder('context', context, workspace);
  readDockerfile(file, shownPath(file, workspace));
  for (const folder of Object.values(buildContexts)) {
    if (!folder.includes('://')) await requireFolder('build-contexts', folder, workspace);
  }
}

async function requireFile(input: string, path: string, workspace: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile())
    throw new InputError(input, shownPath(path, workspace), 'expected a file in the workspace');
}

async function requireFolder(input: string, path: string, workspace: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory())
    throw new InputError(input, shownPath(path, workspace), 'expected a folder in the workspace');
}
