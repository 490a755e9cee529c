import { arch, platform } from 'node:os';

/**
 * The platforms of `DOCKER_DEFAULT_PLATFORM`, which docker builds for by default; none if it is not set.
 *
 * @see https://docs.docker.com/reference/cli/docker/#environment-variables
 */
export function environmentPlatforms(env: NodeJS.ProcessEnv): string[] {
  const value = env['DOCKER_DEFAULT_PLATFORM'] ?? '';
  return value === '' ? [] : value.split(',');
}

/**
 * The normalized names of platforms, sorted and without duplicates.
 *
 * @see https://github.com/containerd/platforms/blob/main/database.go
 */
export function normalizePlatforms(platforms: readonly string[]): string[] {
  return [...new Set(platforms.map(normalizePlatform))].sort();
}

/** Aliases of platforms, with their normalized names. */
const ALIASES: readonly [RegExp, string][] = [
  [/^macos\//, 'darwin/'],
  [/\/i386(?:\/.*)?$/, '/386'],
  [/\/(?:x86_64|x86-64|amd64)(?=\/|$)/, '/amd64'],
  [/\/amd64\/v1$/, '/amd64'],
  [/\/aarch64(?=\/|$)/, '/arm64'],
  [/\/arm64\/(?:v?8|v8\.0)$/, '/arm64'],
  [/\/arm64\/(?:9|v?9\.0)$/, '/arm64/v9'],
  [/\/armhf(?:\/.*)?$/, '/arm/v7'],
  [/\/armel(?:\/.*)?$/, '/arm/v6'],
  [/\/arm(?:\/7)?$/, '/arm/v7'],
  [/\/arm\/(?=[568]$)/, '/arm/v'],
];

function normalizePlatform(given: string): string {
  const name = given.trim().toLowerCase();
  // The client completes `local`, `linux` and `arm64` with the platform of its own machine.
  if (!name.includes('/')) return `${name} on ${platform()}/${arch()}`;
  return ALIASES.reduce((normalized, [alias, usual]) => normalized.replace(alias, usual), name);
}
