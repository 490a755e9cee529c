import type { EngineOptions } from './engine.ts';

/**
 * The common part of buildkitd.toml for each BuildKit in tests. BuildKit uses plain HTTP for registries on loopback,
 * including the mirror, by default.
 *
 * @see https://github.com/moby/buildkit/blob/v0.34.2/docs/buildkitd.toml.md
 * @see https://github.com/moby/buildkit/blob/v0.34.2/util/resolver/pool.go (docker.MatchLocalhost)
 */
export function buildkitConfig({ mirror }: EngineOptions): string {
  const hub = mirror === undefined ? '' : `[registry."docker.io"]\nmirrors = [${JSON.stringify(mirror)}]\n`;
  return `[cdi]\ndisabled = true\n${hub}`;
}
