import { arch, platform } from 'node:os';

/**
 * The platforms of `DOCKER_DEFAULT_PLATFORM`, which docker builds for where nothing else is asked for; none without it.
 *
 * @see https://docs.docker.com/reference/cli/docker/#environment-variables
 */
export function environmentPlatforms(env: NodeJS.ProcessEnv): string[] {
  const value = env['DOCKER_DEFAULT_PLATFORM'] ?? '';
  return value === '' ? [] : value.split(',');
}

/**
 * One name for each platform, sorted.
 *
 * @see https://github.com/containerd/platforms/blob/main/database.go
 */
export function normalPlatforms(platforms: readonly string[]): string[] {
  return [...new Set(platforms.map(normalPlatform))].sort();
}

/** The names that stand for another, each with its variants. */
const OTHER_NAMES: readonly [RegExp, string][] = [
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

function normalPlatform(given: string): string {
  const name = given.trim().toLowerCase();
  // `local`, `linux` and `arm64` are completed from the machine that the client runs on.
  if (!name.includes('/')) return `${name} on ${platform()}/${arch()}`;
  return OTHER_NAMES.reduce((normal, [other, usual]) => normal.replace(other, usual), name);
}
