import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Emulator } from './emulator.ts';
import { freePort } from './free-port.ts';

/** The packages, with exact versions: what is installed is known by the file's hash. */
const REQUIREMENTS = join(import.meta.dirname, 'ministack.txt');

/**
 * The Python of a virtual environment that has ministack: made at the first call, in the user's cache folder.
 *
 * @throws Error with the words of Python or pip, where ministack cannot be installed.
 */
function installMinistack(): string {
  const hash = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12);
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'platform');
  const folder = join(cache, `ministack-${hash}`);
  const python = join(folder, 'bin', 'python');
  if (existsSync(python)) return python;
  mkdirSync(cache, { recursive: true });
  // Under another name until it is whole. The environment's Python works after a renaming; its scripts are not used.
  const draft = mkdtempSync(join(cache, 'ministack-draft-'));
  try {
    execFileSync('python3', ['-m', 'venv', draft], { stdio: 'pipe' });
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps'];
    execFileSync(join(draft, 'bin', 'python'), [...install, '-r', REQUIREMENTS], { stdio: 'pipe' });
    if (!existsSync(folder)) renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return python;
}

/** Whether ministack is installed, or could be. Where not, it says so loudly; in CI it throws. */
export function hasMinistack(): boolean {
  try {
    installMinistack();
    return true;
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    process.stderr.write(`\nNOT RUN: tests that need ministack. ${String(error)}\n\n`);
    return false;
  }
}

/** Starts ministack. The keys test and test are its account's root, to which it grants everything. */
export async function startMinistack(account: string): Promise<Emulator> {
  const port = await freePort();
  const env = {
    GATEWAY_PORT: String(port),
    BIND_HOST: '127.0.0.1',
    MINISTACK_ACCOUNT_ID: account,
    MINISTACK_REGION: 'eu-west-1',
    // With it capabilities are asked for, and IAM is enforced.
    AUTH: 'true',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    // No listeners on fixed ports.
    IOT_MTLS_ENABLED: '0',
    SFTP_ENABLED: '0',
    LOG_LEVEL: 'ERROR',
  };
  const args = ['-m', 'ministack'];
  return Emulator.start({ command: installMinistack(), args, env, port, path: '/_ministack/health' });
}
