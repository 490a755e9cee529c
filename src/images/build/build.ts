import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Context } from '../../core/context.ts';
import { PlatformError } from '../../core/errors.ts';
import { type RetryPolicy, withRetry } from '../../core/retry.ts';
import { isDigest } from '../registry/manifest.ts';
import type { Builder } from './builder.ts';
import { buildCommand, type BuildRequest, type BuildTarget } from './command.ts';
import { type DockerClient, lastLine } from './docker.ts';
import { BuildFailedError, explainFailure } from './failure.ts';
import { BuildProgress, type BuildStep } from './output.ts';
import { type KnownLayers, layoutFromSaved } from './saved-image.ts';

const RETRY: RetryPolicy = { attempts: 5, baseMs: 2000 };

/** Where the image is after a build. */
export type BuildOutput =
  | { kind: 'registry'; digest: string }
  | { kind: 'archive'; file: string }
  | { kind: 'daemon'; localName: string };

interface BuildOptions {
  builder: Builder;
  cache?: NonNullable<BuildTarget['cache']>;
  /** The folder for the output of the build; removed by the caller. */
  folder: string;
  /** Called with the steps after each attempt, even if the build failed. */
  onProgress: (steps: BuildStep[]) => void;
}

/**
 * Builds an image for a repository. After a transient failure of the push, the build is repeated: its steps are then in
 * the builder's cache, and layers are not pushed again.
 *
 * @throws BuildFailedError, or the signal's reason if it is aborted.
 */
export async function buildImage(
  docker: DockerClient,
  request: BuildRequest,
  { imageName, ...options }: BuildOptions & { imageName: string },
  context: Pick<Context, 'clock' | 'signal' | 'log'>,
): Promise<BuildOutput> {
  const target = { ...targetOf(options), imageName };
  await runBuild(docker, request, target, options, context);
  return builtOutput(target);
}

/**
 * Builds an image without exporting it.
 *
 * @throws BuildFailedError, or the signal's reason if it is aborted.
 */
export async function tryBuild(
  docker: DockerClient,
  request: BuildRequest,
  options: BuildOptions,
  context: Pick<Context, 'clock' | 'signal' | 'log'>,
): Promise<void> {
  await runBuild(docker, request, targetOf(options), options, context);
}

function targetOf({ builder, cache, folder }: BuildOptions): BuildTarget {
  return {
    builder,
    ...(cache && { cache }),
    localName: `build-push-image:${randomUUID()}`,
    metadataFile: join(folder, 'metadata.json'),
    layoutFile: join(folder, 'built.tar'),
  };
}

async function runBuild(
  docker: DockerClient,
  request: BuildRequest,
  target: BuildTarget,
  { onProgress }: BuildOptions,
  context: Pick<Context, 'clock' | 'signal' | 'log'>,
): Promise<void> {
  const { args, env } = buildCommand(request, target);
  const isTransient = (error: unknown): boolean => error instanceof BuildFailedError && error.transient;
  await withRetry(context, { ...RETRY, isTransient }, async (attempt) => {
    const progress = new BuildProgress();
    const onLine = (line: string): void => {
      progress.readLine(line);
      context.log.info(line);
    };
    const { exitCode, stderr } = await docker.run(args, { env, onLine }).finally(() => {
      onProgress(progress.steps);
    });
    if (exitCode === 0) return;
    const failure = explainFailure(stderr, progress, request, target.builder);
    if (failure.transient && attempt < RETRY.attempts) {
      const { message } = failure;
      context.log.info(
        `The push failed (attempt ${attempt} of ${RETRY.attempts}) and is retried: ${message}`,
      );
    }
    throw failure;
  });
}

async function builtOutput({
  builder,
  metadataFile,
  layoutFile,
  localName,
}: BuildTarget): Promise<BuildOutput> {
  if (builder.output === 'layout') return { kind: 'archive', file: layoutFile };
  if (builder.output === 'daemon') return { kind: 'daemon', localName };
  return { kind: 'registry', digest: await readBuildDigest(metadataFile) };
}

/** The digest of the image that BuildKit has pushed. */
async function readBuildDigest(metadataFile: string): Promise<string> {
  const metadata = Object(JSON.parse(await readFile(metadataFile, 'utf8'))) as Record<string, unknown>;
  const digest = metadata['containerimage.digest'];
  if (typeof digest === 'string' && isDigest(digest)) return digest;
  throw new PlatformError('command-failed', 'buildx wrote no digest to its metadata file');
}

/**
 * Saves an image from the daemon's image store as an OCI image layout, and removes its name from the store. The daemon may
 * keep its layers as a cache.
 */
export async function saveImage(
  docker: DockerClient,
  localName: string,
  folder: string,
  known: KnownLayers,
  context: Pick<Context, 'signal'>,
): Promise<void> {
  try {
    const readOutput = (stdout: Readable): Promise<void> =>
      layoutFromSaved(stdout, folder, known, context.signal);
    const { exitCode, stderr } = await docker.run(['save', localName], { readOutput });
    if (exitCode !== 0) {
      throw new PlatformError('command-failed', `docker save failed: ${lastLine(stderr)}`);
    }
  } finally {
    await docker.cleanUp(['image', 'rm', localName]);
  }
}
