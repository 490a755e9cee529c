import { mkdirSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { tools } from '../tools/tools.ts';

/**
 * A folder for DOCKER_CONFIG with the buildx plugin, in its folder `cli-plugins`.
 *
 * @see https://docs.docker.com/build/buildx/install/ (manual download)
 */
export function createConfigWithBuildx(parent: string): string {
  const folder = join(parent, 'docker-config');
  mkdirSync(join(folder, 'cli-plugins'), { recursive: true });
  symlinkSync(tools.buildx(), join(folder, 'cli-plugins', 'docker-buildx'));
  return folder;
}

/** The name of the plugin's file, which contains its version: one that is built from a Go module does not report it. */
export const buildxName = (): string => basename(tools.buildx());
