import type { Builder } from './builder.ts';
import type { BuildRequest } from './request.ts';

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
