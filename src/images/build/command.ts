import { resolve } from 'node:path';
import { InputError } from '../../core/errors.ts';
import type { Builder } from './builder.ts';

/** A requested build. Paths are absolute. */
export interface BuildRequest {
  /** In messages, paths are relative to this folder. */
  workspace: string;
  /** The folder of the build context. */
  context: string;
  /** The Dockerfile. */
  file: string;
  /** Empty: the builder's default. */
  platforms: readonly string[];
  target: string | undefined;
  buildArgs: Readonly<Record<string, string>>;
  /** Named contexts: an absolute folder, or a reference with a scheme such as docker-image://. */
  buildContexts: Readonly<Record<string, string>>;
  /** Values by id. */
  secrets: Readonly<Record<string, string>>;
  /** Further secrets by id, which docker reads itself: `id=npm,env=NPM_TOKEN`, `id=key,src=/path`. */
  secretSpecs?: Readonly<Record<string, string>>;
  ssh: readonly string[];
  labels: Readonly<Record<string, string>>;
  cache: 'registry' | 'gha' | 'none';
  /** `auto` is `min` if the builder supports it. */
  provenance: 'auto' | 'min' | 'max' | 'false';
  sbom: Sbom;
  /** Further options of `docker buildx build`, such as `--pull`. */
  options?: readonly string[];
}

/**
 * `true` creates an SBOM with BuildKit's own scanner, an image on Docker Hub. A generator is another scanner. `auto` is the
 * setting of the bake file, or else no SBOM, so that a build needs no public registry by default.
 *
 * @see https://docs.docker.com/build/metadata/attestations/sbom/
 */
export type Sbom = 'auto' | 'true' | 'false' | `generator=${string}`;

const SBOM = /^(?:auto|true|false|generator=[^\s,"]+@sha256:[0-9a-f]{64})$/;

/** Whether a text is a valid setting. A scanner reads the whole image, so it must be pinned by digest. */
export function isSbom(given: string): given is Sbom {
  return SBOM.test(given);
}

/** Reads the input `sbom`. Throws InputError. */
export function parseSbom(given: string): Sbom {
  if (isSbom(given)) return given;
  throw new InputError('sbom', given, 'expected auto, true, false or generator=<image>@sha256:<digest>');
}

/** The image of the scanner that creates the SBOM; undefined without an SBOM. */
export function sbomGenerator({ sbom }: Pick<BuildRequest, 'sbom'>): string | undefined {
  if (sbom === 'true') return 'docker/buildkit-syft-scanner';
  return sbom.startsWith('generator=') ? sbom.slice('generator='.length) : undefined;
}

const REMOTE = /^(?:[a-z][a-z0-9+.-]*:\/\/|git@|github\.com\/)/i;

/** Whether docker would download a build context instead of reading a folder. */
export function isRemoteContext(context: string): boolean {
  return REMOTE.test(context);
}

/**
 * The folder of a build context. A URL is rejected, because its content cannot be hashed and does not belong to the commit.
 *
 * @param input the name of the input, for the error.
 * @throws InputError
 */
export function resolveContext(input: string, given: string, workspace: string): string {
  if (!isRemoteContext(given)) return resolve(workspace, given);
  throw new InputError(
    input,
    given,
    'expected a folder in the workspace. Check out the other repository first (actions/checkout with repository and path), or use the URL in build-contexts',
  );
}

const WITH_SCHEME = /^[a-z][a-z0-9+.-]*:/i;

/** Named contexts with absolute paths of folders. A reference with a scheme is not changed. */
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

/** Where a build writes its output. */
export interface BuildTarget {
  builder: Builder;
  /** The host and path of the repository; absent: the image is not exported. */
  imageName?: string;
  /** A unique name for the image in the daemon's store. */
  localName: string;
  metadataFile: string;
  layoutFile: string;
  /** The layer cache, if any. */
  cache?: { from: string; to?: string };
}

/**
 * The command line and the environment variables of a build. Secrets are passed as variables, never as arguments.
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
    ...Object.values(request.secretSpecs ?? {}).flatMap((spec) => ['--secret', spec]),
    ...request.ssh.flatMap((entry) => ['--ssh', entry]),
    ...cacheArguments(target.cache),
    ...(builder.output === 'daemon' ? [] : attestationArguments(request)),
    ...(request.options ?? []),
    ...outputArguments(target),
    request.context,
  ];
  return { args, env: secrets.env };
}

function outputArguments({ builder, imageName, localName, metadataFile, layoutFile }: BuildTarget): string[] {
  const noProvenance = builder.output === 'daemon' && builder.name === 'buildx' ? ['--provenance=false'] : [];
  // "cacheonly is a fake exporter to opt out of default behaviors": docker/buildx, build/opt.go.
  if (imageName === undefined) return ['--output', 'type=cacheonly', ...noProvenance];
  switch (builder.output) {
    case 'registry':
      // Pushed without a tag. Tags are set at the end, where an immutable tag that is already correct is not an error.
      return [
        ...['--metadata-file', metadataFile],
        ...['--output', `type=image,name=${imageName},push-by-digest=true,name-canonical=true,push=true`],
      ];
    case 'layout':
      return ['--output', `type=oci,dest=${layoutFile}`];
    case 'daemon':
      return ['--tag', localName, ...(builder.name === 'buildx' ? ['--load'] : []), ...noProvenance];
  }
}

function attestationArguments({ provenance, sbom }: BuildRequest): string[] {
  const mode = provenance === 'max' ? 'max' : 'min';
  return [
    ...(provenance === 'false' ? ['--provenance=false'] : ['--attest', `type=provenance,mode=${mode}`]),
    ...sbomArguments(sbom),
  ];
}

function sbomArguments(sbom: Sbom): string[] {
  if (sbom === 'auto') return [];
  if (sbom === 'false') return ['--sbom=false'];
  return ['--attest', sbom === 'true' ? 'type=sbom' : `type=sbom,${sbom}`];
}

function cacheArguments(cache: BuildTarget['cache']): string[] {
  if (!cache) return [];
  return ['--cache-from', cache.from, ...(cache.to === undefined ? [] : ['--cache-to', cache.to])];
}

/** Secrets are passed in environment variables with names that no build tool reads. */
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

/** The tag of the layer cache of a stage. */
export function cacheTag(request: Pick<BuildRequest, 'target'>): string {
  const name = (request.target ?? 'build').replace(/[^\w.-]/g, '-');
  return `cache-${name}`.slice(0, 128);
}

/** The repository of a cache. */
export interface CacheRepository {
  name: string;
  /** Absent if there is no login. */
  uri?: string;
  /** Whether the tag of the cache is mutable. */
  mayWrite: boolean;
}

/**
 * The layer cache of a build. A failure to write the cache does not fail the build.
 *
 * @returns a note instead of a cache if the builder or the job does not support it.
 * @see https://docs.docker.com/build/cache/backends/registry/ (ECR needs image-manifest=true)
 */
export function cacheOptions(
  request: BuildRequest,
  builder: Builder,
  repository: CacheRepository,
  env: NodeJS.ProcessEnv,
): { cache?: NonNullable<BuildTarget['cache']>; note?: string } {
  if (request.cache === 'none') return {};
  if (builder.output === 'daemon') {
    return { note: `Layers are not cached between runs: ${builder.description} does not support it.` };
  }
  if (request.cache === 'gha') {
    const scope = `scope=${repository.name}-${cacheTag(request)}`;
    if (!env['ACTIONS_RUNTIME_TOKEN']) {
      return { note: "Layers are not cached between runs: GitHub's cache is available only in a workflow." };
    }
    return { cache: { from: `type=gha,${scope}`, to: `type=gha,${scope},mode=max,ignore-error=true` } };
  }
  if (repository.uri === undefined) {
    return {
      note: 'Layers are not cached between runs: there is no login to the repository. Use build-push-image with cache: gha.',
    };
  }
  const from = `type=registry,ref=${repository.uri}:${cacheTag(request)}`;
  if (!repository.mayWrite) {
    const note =
      `The layer cache is read-only, because the tag ${cacheTag(request)} is immutable in this repository. ` +
      'Exclude cache-* from the immutability of its tags, or use build-push-image with cache: gha.';
    return { cache: { from }, note };
  }
  const to = `${from},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true`;
  return { cache: { from, to } };
}

/**
 * Labels with the source of an image, as far as it is known.
 *
 * @param source.url the URL of the repository.
 * @see https://github.com/opencontainers/image-spec/blob/main/annotations.md
 */
export function sourceLabels({ commit, url }: { commit: string; url: string }): Record<string, string> {
  return {
    ...(commit !== '' && { 'org.opencontainers.image.revision': commit }),
    ...(url !== '' && { 'org.opencontainers.image.source': url }),
  };
}

/**
 * Checks that the builder supports the inputs. Attestations that are only a default are omitted if necessary.
 *
 * @returns notes about what is omitted, one sentence each.
 * @throws InputError for an input that the builder does not support.
 */
export function requireBuilderSupport(request: BuildRequest, builder: Builder): string[] {
  const { platforms, provenance, sbom, buildContexts } = request;
  const notes = sbom === 'auto' ? [WITHOUT_SBOM] : [];
  if (builder.output !== 'daemon') return notes;
  const reject = (input: string, value: string): never => {
    const why =
      `expected a builder other than ${builder.description}, which does not support it. Add docker/setup-buildx-action before this step` as const;
    throw new InputError(input, value, why);
  };
  if (platforms.length > 1) reject('platforms', platforms.join(','));
  if (provenance === 'min' || provenance === 'max') reject('provenance', provenance);
  if (sbomGenerator(request) !== undefined) reject('sbom', sbom);
  const [context] = Object.keys(buildContexts);
  if (builder.name !== 'buildx' && context !== undefined) reject('build-contexts', context);
  if (provenance !== 'auto') return notes;
  return [
    `The image has no provenance: ${builder.description} does not support it. ` +
      'To add it, run docker/setup-buildx-action before this step.',
    ...notes,
  ];
}

const WITHOUT_SBOM =
  'The image has no SBOM. To add one, run build-push-image with sbom: true, which uses a scanner from Docker Hub, or with sbom: generator=<image>@sha256:<digest>.';
