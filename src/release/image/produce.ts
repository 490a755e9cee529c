import { join } from 'node:path';
import { build, takeImage } from '../../docker/build.ts';
import type { BuildOutput } from '../../docker/build.ts';
import { findBuilder } from '../../docker/builder.ts';
import { cacheOf, cacheTag } from '../../docker/cache.ts';
import { DockerClient } from '../../docker/client.ts';
import { requireAbilities } from '../../docker/limits.ts';
import type { BuildRequest } from '../../docker/request.ts';
import type { LayerDescriptor } from '../../docker/saved-image.ts';
import type { ImageLayout } from '../../ecr/layout.ts';
import type { Manifest } from '../../ecr/manifest.ts';
import type { PreviousImage } from '../../ecr/previous.ts';
import { pushLayout } from '../../ecr/push.ts';
import { openLayout } from './source.ts';
import type { Source } from './source.ts';
import type { Workshop } from './workshop.ts';

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
