import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The result of `make` in the user's cache folder, outside of the checkout. It is created on the first call, with a
 * temporary name until it is complete.
 *
 * @param name of the file or folder; it must tell the versions.
 * @param make is given an empty folder, and returns the path in it that is to be kept.
 */
export function cached(name: string, make: (draft: string) => string): string {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'platform');
  const path = join(cache, name);
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(join(cache, `${name}-draft-`));
  try {
    const made = make(draft);
    if (!existsSync(path)) renameSync(made, path);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return path;
}
