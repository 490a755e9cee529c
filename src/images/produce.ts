import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../core/errors.ts';
import type { ImageRequest, Workshop } from './build-push-image.ts';
import { build, type BuildOutput, type BuildRequest, cacheOf, cacheTag, takeImage } from './build/build.ts';
import { findBuilder, requireAbilities } from './build/builder.ts';
import { contentOf } from './build/content-hash.ts';
import { DockerClient } from './build/docker.ts';
import type { LayerDescriptor } from './build/saved-image.ts';
import type { Progress } from './progress.ts';
import { ImageLayout, unpackLayout } from './registry/layout.ts';
import type { Manifest } from './registry/manifest.ts';
import { pushLayout } from './registry/push.ts';
import type { PreviousImage } from './registry/tags.ts';

/** The image that the repository has already; undefined when it must be made. */
export async function findExisting(source: Source, { registry }: Workshop): Promise<Manifest | undefined> {
  if (source.kind === 'layout') return registry.manifest(source.layout.root.digest);
  return source.contentTag === undefined ? undefined : registry.manifest(source.contentTag);
}

/**
 * Brings the image into the repository, without a tag.
 *
 * @param previous the repository's last image, whose layers need not be made again.
 */
export async function produce(
  source: Source,
  shop: Workshop,
  previous: Promise<PreviousImage | undefined>,
): Promise<Manifest> {
  if (source.kind === 'layout') return push(source.layout, shop);
  const docker = new DockerClient(shop.folder, shop.registryHost, shop.context.env, shop.context);
  const output = await shop.progress.in('build', () => run(docker, source.build, shop));
  if (output.kind === 'registry') return requirePushed(output.digest, shop);
  const layout = await shop.progress.in('take', () => layoutOf(output, docker, shop, previous));
  return push(layout, shop);
}

async function run(docker: DockerClient, request: BuildRequest, shop: Workshop): Promise<BuildOutput> {
  const { context, progress, repository, password, folder } = shop;
  const builder = await findBuilder(docker);
  progress.say(`Building with ${builder.description}.`);
  const tag = cacheTag(request);
  const mayWrite = !repository.isImmutable(tag);
  const { cache, note } = cacheOf(request, builder, repository.uri, { mayWrite, env: context.env });
  const notes = [...requireAbilities(request, builder), ...(note === undefined ? [] : [note])];
  for (const said of notes) progress.note(said);
  await docker.login({ registry: shop.registryHost, ...password });
  const options = {
    builder,
    imageName: repository.uri,
    ...(cache && { cache }),
    folder,
    onProgress: (steps: readonly { name: string; durationMs: number; cached: boolean }[]) => {
      progress.report.build = { steps };
    },
  };
  return build(docker, request, options, context);
}

/** What a builder has left on this machine, as a layout. */
async function layoutOf(
  output: Exclude<BuildOutput, { kind: 'registry' }>,
  docker: DockerClient,
  { folder, context }: Workshop,
  previous: Promise<PreviousImage | undefined>,
): Promise<ImageLayout> {
  const target = join(folder, 'layout');
  if (output.kind === 'archive') return openLayout(output.file, target, context.signal);
  await takeImage(docker, output.localName, target, layersOf(await previous), context);
  return openLayout(target, target, context.signal);
}

function layersOf(previous: PreviousImage | undefined): Map<string, LayerDescriptor> {
  const layers = (previous?.platforms ?? []).flatMap((platform) => platform.layers);
  return new Map(
    layers.map(({ diffId, digest, size, mediaType }) => [
      diffId,
      { digest, size, mediaType: ociType(mediaType) },
    ]),
  );
}

/** Docker's and OCI's layers are the same bytes under two names. */
function ociType(mediaType: string): string {
  return mediaType.replace(
    'application/vnd.docker.image.rootfs.diff.tar.gzip',
    'application/vnd.oci.image.layer.v1.tar+gzip',
  );
}

async function push(layout: ImageLayout, { registry, progress, context }: Workshop): Promise<Manifest> {
  progress.report.push = await progress.in('push', () => pushLayout(layout, registry, context));
  return layout.root;
}

/** BuildKit says that it has pushed; the registry must say so too. */
async function requirePushed(digest: string, { registry }: Workshop): Promise<Manifest> {
  const manifest = await registry.manifest(digest);
  if (manifest) return manifest;
  throw new Error(`buildx says that it has pushed ${digest}, and the registry does not have it`);
}

/** What an image is made from, checked before anything is asked of AWS or Docker. */
export type Source =
  | { kind: 'layout'; layout: ImageLayout }
  | {
      kind: 'build';
      build: BuildRequest;
      /** The tag of an image of this very content; absent when none may serve. */
      contentTag?: string;
    };

/** Checks the source, and hashes what is to be built. Throws InputError. */
export async function openSource(
  { source, reuse }: ImageRequest,
  folder: string,
  progress: Progress,
  context: { env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<Source> {
  if (source.kind === 'layout') {
    return { kind: 'layout', layout: await openLayout(source.path, folder, context.signal) };
  }
  const { build } = source;
  await requireFiles(build);
  if (!reuse) return { kind: 'build', build };
  const { hash, files, seesGit } = await contentOf(build, context.env, context.signal);
  progress.say(`The content of the build, ${files} files, has the hash ${hash}.`);
  if (seesGit) {
    progress.note('The build sees the folder .git, so every commit is built anew: name it in .dockerignore.');
  }
  return { kind: 'build', build, contentTag: `content-${hash}` };
}

/** Opens a layout's folder; a tar is unpacked into `folder` first. */
async function openLayout(path: string, folder: string, signal: AbortSignal): Promise<ImageLayout> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new InputError('oci-layout', path, 'there is no such folder or file');
  if (found.isDirectory()) return ImageLayout.open('oci-layout', path);
  await unpackLayout('oci-layout', path, folder, signal);
  return ImageLayout.open('oci-layout', folder);
}

async function requireFiles({ context, file, buildContexts }: BuildRequest): Promise<void> {
  await requireFolder('context', context);
  const dockerfile = await stat(file).catch(() => undefined);
  if (!dockerfile?.isFile()) throw new InputError('file', file, 'there is no such Dockerfile');
  for (const folder of Object.values(buildContexts)) {
    if (!folder.includes('://')) await requireFolder('build-contexts', folder);
  }
}

async function requireFolder(input: string, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) throw new InputError(input, path, 'there is no such folder');
}
