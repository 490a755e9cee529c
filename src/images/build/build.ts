import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { Context } from '../../core/context.ts';
import type { Builder } from './builder.ts';
import { type DockerClient, isTransient } from './docker.ts';
import { BuildProgress, type BuildStep, explainFailure } from './output.ts';
import { type KnownLayers, layoutFromSaved } from './saved-image.ts';

/** What is to be built. Paths are absolute. */
export interface BuildRequest {
  /** The folder that paths are shown relative to. */
  workspace: string;
  /** The folder that the build sees. */
  context: string;
  /** The Dockerfile. */
  file: string;
  /** Empty: the builder's own. */
  platforms: readonly string[];
  target: string | undefined;
  buildArgs: Readonly<Record<string, string>>;
  /** Named contexts: an absolute folder, or what begins with a scheme such as docker-image://. */
  buildContexts: Readonly<Record<string, string>>;
  /** By id. */
  secrets: Readonly<Record<string, string>>;
  ssh: readonly string[];
  labels: Readonly<Record<string, string>>;
  cache: 'registry' | 'gha' | 'none';
  /** `auto` is the least, where the builder can. */
  provenance: 'auto' | 'min' | 'max' | 'false';
  sbom: 'auto' | 'true' | 'false';
}

const WITH_SCHEME = /^[a-z][a-z0-9+.-]*:/i;

/** Named contexts with the folders of the workspace as absolute paths; what has a scheme stays as it is. */
export function resolveContexts(
  given: Readonly<Record<string, string>>,
  workspace: string,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name,
      WITH_SCHEME.test(value) ? value : resolve(workspace, value),
    ]),
  );
}

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
export async function buildImage(
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
    if (exitCode !== 0)
      throw new Error(`docker cannot save the image: ${stderr.trim().split('\n').at(-1) ?? ''}`);
  } finally {
    await docker.tidy(['image', 'rm', localName]);
  }
}

/** Where a build puts what it makes. */
export interface BuildTarget {
  builder: Builder;
  /** The repository as images are named: host and path. */
  imageName: string;
  /** A name that only this run knows, for an image in the daemon's store. */
  localName: string;
  metadataFile: string;
  layoutFile: string;
  /** Where layers are cached; absent: nowhere. */
  cache?: { from: string; to?: string };
}

/**
 * The command line of a build, and the variables that go with it: secrets are among those, never in the line.
 *
 * @see https://docs.docker.com/reference/cli/docker/buildx/build/
 */
export function buildCommand(
  request: BuildRequest,
  target: BuildTarget,
): { args: string[]; env: Record<string, string> } {
  const { builder } = target;
  const secrets = secretArguments(request.secrets);
  const args = [
    ...(builder.name === 'buildx' ? ['buildx', 'build'] : ['build']),
    ...['--progress', 'plain', '--file', request.file],
    ...(request.platforms.length > 0 ? ['--platform', request.platforms.join(',')] : []),
    ...(request.target === undefined ? [] : ['--target', request.target]),
    ...pairs('--build-arg', request.buildArgs),
    ...pairs('--label', request.labels),
    ...pairs('--build-context', request.buildContexts),
    ...secrets.args,
    ...request.ssh.flatMap((entry) => ['--ssh', entry]),
    ...cacheArguments(target.cache),
    ...(builder.output === 'daemon' ? [] : attestationArguments(request)),
    ...outputArguments(target),
    request.context,
  ];
  return { args, env: secrets.env };
}

function outputArguments({ builder, imageName, localName, metadataFile, layoutFile }: BuildTarget): string[] {
  switch (builder.output) {
    case 'registry':
      // Without a tag: tags are put on when all else is done, and an immutable one is not an error by itself.
      return [
        ...['--metadata-file', metadataFile],
        ...['--output', `type=image,name=${imageName},push-by-digest=true,name-canonical=true,push=true`],
      ];
    case 'layout':
      return ['--output', `type=oci,dest=${layoutFile}`];
    case 'daemon':
      return [
        ...['--tag', localName],
        ...(builder.name === 'buildx' ? ['--load', '--provenance=false'] : []),
      ];
  }
}

function attestationArguments({ provenance, sbom }: BuildRequest): string[] {
  const mode = provenance === 'max' ? 'max' : 'min';
  return [
    ...(provenance === 'false' ? ['--provenance=false'] : ['--attest', `type=provenance,mode=${mode}`]),
    ...(sbom === 'false' ? ['--sbom=false'] : ['--attest', 'type=sbom']),
  ];
}

function cacheArguments(cache: BuildTarget['cache']): string[] {
  if (!cache) return [];
  return ['--cache-from', cache.from, ...(cache.to === undefined ? [] : ['--cache-to', cache.to])];
}

/** The variable's name says nothing, and is no name that a build tool reads. */
function secretArguments(secrets: Readonly<Record<string, string>>): {
  args: string[];
  env: Record<string, string>;
} {
  const named = Object.entries(secrets).map(([id, value], index) => ({
    id,
    value,
    name: `BUILD_SECRET_${index}`,
  }));
  return {
    args: named.flatMap(({ id, name }) => ['--secret', `id=${id},env=${name}`]),
    env: Object.fromEntries(named.map(({ name, value }) => [name, value])),
  };
}

function pairs(option: string, values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([key, value]) => [option, `${key}=${value}`]);
}

/** The tag under which a repository keeps the layers of a stage between runs. */
export function cacheTag(request: Pick<BuildRequest, 'target'>): string {
  const name = (request.target ?? 'build').replace(/[^\w.-]/g, '-');
  return `cache-${name}`.slice(0, 128);
}

/**
 * Where a build finds layers and leaves them. A cache that cannot be written is no reason to fail.
 *
 * @param mayWrite whether the cache's tag can be moved.
 * @returns nothing, and a note for people, where the wish cannot be had.
 * @see https://docs.docker.com/build/cache/backends/registry/ (ECR needs image-manifest=true)
 */
export function cacheOptions(
  request: BuildRequest,
  builder: Builder,
  imageName: string,
  options: { mayWrite: boolean; env: NodeJS.ProcessEnv },
): { cache?: NonNullable<BuildTarget['cache']>; note?: string } {
  if (request.cache === 'none') return {};
  if (builder.output === 'daemon') {
    return { note: `Layers are not cached between runs: ${builder.description} cannot do that.` };
  }
  if (request.cache === 'gha') {
    const scope = `scope=${imageName}-${cacheTag(request)}`;
    if (!options.env['ACTIONS_RUNTIME_TOKEN']) {
      return { note: "Layers are not cached between runs: GitHub's cache is there only inside a workflow." };
    }
    return { cache: { from: `type=gha,${scope}`, to: `type=gha,${scope},mode=max,ignore-error=true` } };
  }
  const from = `type=registry,ref=${imageName}:${cacheTag(request)}`;
  if (!options.mayWrite) {
    const note =
      `The layers' cache is read and not written: the tag ${cacheTag(request)} is immutable in this repository. ` +
      'Add cache-* to its exceptions, or set cache: gha.';
    return { cache: { from }, note };
  }
  const to = `${from},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true`;
  return { cache: { from, to } };
}

/**
 * Labels that tell where an image comes from; none for what is not known.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/annotations.md
 */
export function sourceLabels(source: {
  sha: string;
  repository: string;
  serverUrl: string;
}): Record<string, string> {
  const { sha, repository, serverUrl } = source;
  return {
    ...(sha !== '' && { 'org.opencontainers.image.revision': sha }),
    ...(repository !== '' && { 'org.opencontainers.image.source': `${serverUrl}/${repository}` }),
  };
}
