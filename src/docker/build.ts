import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Context } from '../runtime/context.ts';
import { buildCommand } from './arguments.ts';
import type { BuildTarget } from './arguments.ts';
import { explainFailure } from './build-failure.ts';
import { BuildProgress } from './build-progress.ts';
import type { BuildStep } from './build-progress.ts';
import type { Builder } from './builder.ts';
import { isTransient } from './client.ts';
import type { DockerClient } from './client.ts';
import type { BuildRequest } from './request.ts';
import { layoutFromSaved } from './saved-image.ts';
import type { KnownLayers } from './saved-image.ts';

const ATTEMPTS = 5;
const FIRST_WAIT_MS = 1000;

/** Where the image is after a build. */
export type BuildOutput =
  | { kind: 'registry'; digest: string }
  | { kind: 'archive'; file: string }
  | { kind: 'daemon'; localName: string };

/**
 * Builds an image. When only the way to the registry failed, the build is run again: its steps are then in the
 * builder's cache, and what was pushed is not pushed again.
 *
 * @param onProgress is told the steps as they are known, also of a build that fails.
 * @throws BuildFailedError; the signal's reason when it is aborted.
 */
export async function build(
  docker: DockerClient,
  request: BuildRequest,
  options: {
    builder: Builder;
    imageName: string;
    cache?: NonNullable<BuildTarget['cache']>;
    /** For what the build writes; whoever made it removes it. */
    folder: string;
    onProgress: (steps: BuildStep[]) => void;
  },
  context: Pick<Context, 'clock' | 'signal' | 'log'>,
): Promise<BuildOutput> {
  const { builder, imageName, cache, folder, onProgress } = options;
  const target: BuildTarget = {
    builder,
    imageName,
    ...(cache && { cache }),
    localName: `build-push-image:${randomUUID()}`,
    metadataFile: join(folder, 'metadata.json'),
    layoutFile: join(folder, 'built.tar'),
  };
  const { args, env } = buildCommand(request, target);
  for (let attempt = 1; ; attempt++) {
    const progress = new BuildProgress();
    const onLine = (line: string): void => {
      progress.take(line);
      context.log.info(line);
    };
    const { exitCode, stderr } = await docker.run(args, { env, onLine }).finally(() => {
      onProgress(progress.steps);
    });
    if (exitCode === 0) return outputOf(target);
    const failure = explainFailure(stderr, progress, request);
    const again =
      progress.exporting && !progress.failed?.name.startsWith('[') && isTransient(failure.message);
    if (!again || attempt === ATTEMPTS) throw failure;
    context.log.info(`The push failed for now (${failure.message}): attempt ${attempt} of ${ATTEMPTS}.`);
    await context.clock.sleep(FIRST_WAIT_MS * 2 ** attempt * Math.random(), context.signal);
  }
}

async function outputOf({ builder, metadataFile, layoutFile, localName }: BuildTarget): Promise<BuildOutput> {
  if (builder.output === 'layout') return { kind: 'archive', file: layoutFile };
  if (builder.output === 'daemon') return { kind: 'daemon', localName };
  return { kind: 'registry', digest: await digestFrom(metadataFile) };
}

/** The digest of what BuildKit has pushed. */
async function digestFrom(metadataFile: string): Promise<string> {
  const metadata = Object(JSON.parse(await readFile(metadataFile, 'utf8'))) as Record<string, unknown>;
  const digest = metadata['containerimage.digest'];
  if (typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest)) return digest;
  throw new Error('buildx has written no digest to its metadata file');
}

/**
 * Takes an image out of the daemon's store, as an OCI image layout. Our name for it is gone afterwards; its
 * layers stay there, as a cache, while somebody uses them.
 */
export async function takeImage(
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
    if (exitCode !== 0)
      throw new Error(`docker cannot save the image: ${stderr.trim().split('\n').at(-1) ?? ''}`);
  } finally {
    await docker.tidy(['image', 'rm', localName]);
  }
}
