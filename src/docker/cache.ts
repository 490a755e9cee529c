import type { Builder } from './builder.ts';
import type { BuildTarget } from './arguments.ts';
import type { BuildRequest } from './request.ts';

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
export function cacheOf(
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
