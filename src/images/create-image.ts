import { join } from 'node:path';
import { buildImage, type BuildOutput, saveImage } from './build/build.ts';
import { type Builder, findBuilder } from './build/builder.ts';
import {
  type BuildRequest,
  type BuildTarget,
  cacheOptions,
  type CacheRepository,
  cacheTag,
  requireBuilderSupport,
} from './build/command.ts';
import { DockerClient } from './build/docker.ts';
import type { LayerDescriptor } from './build/saved-image.ts';
import type { BuildStep } from './build/output.ts';
import type { BuildContext, ImageBuildContext } from './context.ts';
import type { Progress } from './progress.ts';
import { mirrorImage } from './other-registries.ts';
import type { ImageLayout } from './registry/layout.ts';
import type { Manifest } from './registry/manifest.ts';
import { requireImage } from './registry/proof.ts';
import { pushLayout } from './registry/push.ts';
import type { PreviousImage } from './registry/tags.ts';
import { type ImageSource, openLayout } from './source.ts';

/**
 * Builds an image if necessary, and pushes it to the repository without a tag.
 *
 * @param previous the repository's newest image, whose layers do not have to be compressed again.
 */
export async function createImage(
  source: ImageSource,
  build: ImageBuildContext,
  previous: Promise<PreviousImage | undefined>,
): Promise<Manifest> {
  if (source.kind === 'layout') return push(source.layout, build);
  if (source.kind === 'mirror') return mirrorImage(source, build);
  const { context } = build;
  const built = await (context.builds
    ? context.builds.run(
        context,
        () => buildAndExport(source.build, build, previous),
        (most) => {
          context.log.info(`Waiting for another build to finish (max-builds: ${most}).`);
        },
      )
    : buildAndExport(source.build, build, previous));
  if ('layout' in built) return push(built.layout, build);
  const { registry, repository } = build;
  return requireImage({ registry, name: repository.name }, built.digest, context);
}

/** The digest of the image if the build has pushed it, or else the image as a layout. */
async function buildAndExport(
  request: BuildRequest,
  build: ImageBuildContext,
  previous: Promise<PreviousImage | undefined>,
): Promise<{ digest: string } | { layout: ImageLayout }> {
  const docker = new DockerClient(build.folder, build.registryHost, build.context.env, build.context);
  const output = await build.progress.runStage('build', () => buildWithDocker(docker, request, build));
  if (output.kind === 'registry') return { digest: output.digest };
  const layout = await build.progress.runStage('export', () => exportLayout(output, docker, build, previous));
  return { layout };
}

async function buildWithDocker(
  docker: DockerClient,
  request: BuildRequest,
  build: ImageBuildContext,
): Promise<BuildOutput> {
  const { context, repository, password, folder } = build;
  const { name, uri } = repository;
  const mayWrite = !repository.isImmutable(cacheTag(request));
  const prepared = await prepareBuild(docker, request, { name, uri, mayWrite }, build);
  await docker.login({ registry: build.registryHost, ...password });
  return buildImage(docker, request, { ...prepared, imageName: uri, folder }, context);
}

interface PreparedBuild {
  builder: Builder;
  cache?: NonNullable<BuildTarget['cache']>;
  onProgress: (steps: readonly BuildStep[]) => void;
}

/** Finds the builder and the cache of a build, and notes what they do not support. Throws if an input requires it. */
export async function prepareBuild(
  docker: DockerClient,
  request: BuildRequest,
  repository: CacheRepository,
  { progress, context }: { progress: Progress; context: BuildContext },
): Promise<PreparedBuild> {
  const builder = await findBuilder(docker);
  context.log.info(`Building with ${builder.description}.`);
  const { cache, note } = cacheOptions(request, builder, repository, context.env);
  const notes = [...requireBuilderSupport(request, builder), ...(note === undefined ? [] : [note])];
  for (const text of notes) progress.note(text);
  const onProgress = (steps: readonly BuildStep[]): void => {
    progress.run.build = { steps };
  };
  return { builder, ...(cache && { cache }), onProgress };
}

/** The image from an archive or from the Docker daemon, as an OCI layout. */
async function exportLayout(
  output: Exclude<BuildOutput, { kind: 'registry' }>,
  docker: DockerClient,
  { folder, context }: ImageBuildContext,
  previous: Promise<PreviousImage | undefined>,
): Promise<ImageLayout> {
  const target = join(folder, 'layout');
  if (output.kind === 'archive') return openLayout(output.file, target, context.signal);
  await saveImage(docker, output.localName, target, knownLayers(await previous), context);
  return openLayout(target, target, context.signal);
}

function knownLayers(previous: PreviousImage | undefined): Map<string, LayerDescriptor> {
  const layers = (previous?.platforms ?? []).flatMap((platform) => platform.layers);
  return new Map(
    layers.map(({ diffId, digest, size, mediaType }) => [
      diffId,
      { digest, size, mediaType: ociType(mediaType) },
    ]),
  );
}

/** Docker and OCI have different media types for the same layer format. */
function ociType(mediaType: string): string {
  return mediaType.replace(
    'application/vnd.docker.image.rootfs.diff.tar.gzip',
    'application/vnd.oci.image.layer.v1.tar+gzip',
  );
}

async function push(
  layout: ImageLayout,
  { registry, repository: { name }, progress, context }: ImageBuildContext,
): Promise<Manifest> {
  progress.run.push = await progress.runStage('push', () => pushLayout(layout, { registry, name }, context));
  return layout.root;
}
