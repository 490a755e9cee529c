import type { EngineOptions } from './engine.ts';

/**
 * The part of buildkitd.toml that each BuildKit of a test has. It uses plain HTTP for registries on loopback, as for
 * the mirror, without being told.
 *
 * @see https://github.com/moby/buildkit/blob/v0.34.2/docs/buildkitd.toml.md
 * @see https://github.com/moby/buildkit/blob/v0.34.2/util/resolver/pool.go (docker.MatchLocalhost)
 */
export function buildkitConfig({ mirror }: EngineOptions): string {
  const hub = mirror === undefined ? '' : `[registry."docker.io"]\nmirrors = [${JSON.stringify(mirror)}]\n`;
  return `[cdi]\ndisabled = true\n${hub}`;
}
