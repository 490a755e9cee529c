import { readFile } from 'node:fs/promises';
import { EnvironmentError } from './environment.ts';
import type { Environment } from './environment.ts';

/**
 * Variables whose value can be in a file, as Docker mounts secrets: the variable with `_FILE` at the end has its
 * path.
 */
const SECRETS = ['CACHE_PASSWORD', 'DB_PASSWORD', 'DB_SECRET', 'SERVICE_TOKEN'] as const;

/**
 * The environment with the secrets from their files, without the trailing line break. An environment can be read with
 * `docker inspect` and by every process in the container; a file only by those with permission.
 *
 * @throws EnvironmentError with the variable's name, but never with the secret.
 */
export async function withSecretFiles(env: Environment): Promise<Environment> {
  const found = await Promise.all(SECRETS.map((name) => readSecret(name, env)));
  return { ...env, ...Object.fromEntries(found.flat()) };
}

async function readSecret(name: string, env: Environment): Promise<[string, string][]> {
  const file = env[`${name}_FILE`];
  if (file === undefined || file === '') return [];
  if (env[name]) throw new EnvironmentError(`${name}: expected either ${name} or ${name}_FILE, got both`);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new EnvironmentError(`${name}_FILE: cannot read "${file}": ${(error as Error).message}`, {
      cause: error,
    });
  }
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw new EnvironmentError(`${name}_FILE: "${file}" is empty`);
  return [[name, secret]];
}
