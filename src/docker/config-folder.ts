import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What the docker client keeps in folders: plugins, contexts, builders. They stay where they are. */
const SHARED_FOLDERS = ['cli-plugins', 'contexts', 'buildx'];

interface DockerConfig {
  credHelpers?: Record<string, string>;
  [key: string]: unknown;
}

/**
 * Makes a configuration for docker below `folder`, so that a login of ours is never seen by others and is gone
 * with the folder. What the user has (other logins, proxies, plugins, builders) holds in it too.
 *
 * @param registry the host that we log in to: its password goes to our file, never to the user's keychain.
 * @returns the folder, for DOCKER_CONFIG.
 */
export function createDockerConfig(folder: string, registry: string, env: NodeJS.ProcessEnv): string {
  const own = join(folder, 'docker-config');
  const users = env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.docker');
  const config = readConfig(join(users, 'config.json'));
  mkdirSync(own, { mode: 0o700, recursive: true });
  const credHelpers = { ...config.credHelpers, [registry]: '' };
  writeFileSync(join(own, 'config.json'), JSON.stringify({ ...config, credHelpers }), { mode: 0o600 });
  for (const name of SHARED_FOLDERS) {
    if (existsSync(join(users, name))) symlinkSync(join(users, name), join(own, name), 'junction');
  }
  return own;
}

function readConfig(file: string): DockerConfig {
  try {
    return Object(JSON.parse(readFileSync(file, 'utf8'))) as DockerConfig;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new Error(`Docker's configuration ${file} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
