import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './docker.ts';
import { RootFileSystem } from './root-file-system.ts';

export const bases = {
  node: 'base/node',
  runtime: 'base/runtime',
  postgres: 'base/postgres',
  cache: 'base/cache',
} as const;

/** A Node.js with the same major version as the images. */
const NODE_VERSION = '24.9.0';
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** Substitutes for the images in the Dockerfiles and the compose file, with the same paths inside. */
export async function makeBaseImages(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'services-node-'));
  const name = `node-linux-${process.arch}`;
  await run('npm', [
    'install',
    '--no-save',
    '--no-package-lock',
    '--prefix',
    folder,
    `${name}@${NODE_VERSION}`,
  ]);
  const node = join(folder, 'node_modules', name, 'bin/node');
  await makeNodeImage(node);
  await makeRuntimeImage(node);
  await makePostgresImage();
  await makeCacheImage();
  await rm(folder, { recursive: true });
}

/** `node:24-alpine`: Node.js, npm and a shell. */
async function makeNodeImage(node: string): Promise<void> {
  const files = await RootFileSystem.create();
  await files.program(node, '/usr/local/bin/node');
  await files.program('/bin/sh');
  const { stdout } = spawnSync('ldd', [node], { encoding: 'utf8' });
  for (const library of ['libstdc++.so.6', 'libgcc_s.so.1']) {
    const place = stdout
      .split('\n')
      .find((line) => line.includes(library))
      ?.split(/\s+/)
      .find((word) => word.startsWith('/'));
    await files.copy(place ?? '', `/usr/lib/${library}`);
  }
  const modules = spawnSync('npm', ['root', '--global'], { encoding: 'utf8' }).stdout.trim();
  await files.copy(join(modules, 'npm'), '/usr/local/lib/node_modules/npm');
  const npm = '#!/bin/sh\nexec node /usr/local/lib/node_modules/npm/bin/npm-cli.js "$@"\n';
  await files.file('/usr/local/bin/npm', npm, 0o755);
  const trusted = existsSync(CERTIFICATES);
  if (trusted) await files.copy(CERTIFICATES);
  await files.toImage(bases.node, trusted ? [`ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES}`] : []);
}

/** `alpine`: the C library. */
async function makeRuntimeImage(node: string): Promise<void> {
  const files = await RootFileSystem.create();
  await files.librariesOf(node);
  await files.toImage(bases.runtime);
}

/** `postgres`: the machine's PostgreSQL, with the official image's variables and paths. */
async function makePostgresImage(): Promise<void> {
  const binaries = process.env['POSTGRES_BIN'];
  if (binaries === undefined)
    throw new Error('POSTGRES_BIN: is not set: the folder of the PostgreSQL of this machine');
  const version = binaries.split('/').at(-2) ?? '';
  const files = await RootFileSystem.create();
  for (const program of ['initdb', 'postgres', 'pg_isready']) await files.program(join(binaries, program));
  await files.program('/bin/sh');
  await files.copy(join(binaries, '../lib'));
  await files.copy(`/usr/share/postgresql/${version}`);
  for (const zone of ['/usr/share/zoneinfo/UTC', '/usr/share/zoneinfo/Etc/UTC']) await files.copy(zone);
  await files.file('/usr/local/bin/entrypoint', ENTRYPOINT, 0o755);
  await files.folder('/var/lib/postgresql/data', 0o777);
  await files.toImage(bases.postgres, [
    `ENV PATH=${binaries}:/usr/local/bin:/usr/bin:/bin`,
    'USER 70:70',
    'ENTRYPOINT ["/usr/local/bin/entrypoint"]',
  ]);
}

/** `valkey/valkey`: the machine's Valkey or Redis, under Valkey's names. */
async function makeCacheImage(): Promise<void> {
  const files = await RootFileSystem.create();
  for (const program of ['server', 'cli']) {
    const found = ['valkey', 'redis']
      .map((name) => `/usr/bin/${name}-${program}`)
      .find((path) => existsSync(path));
    if (found === undefined) throw new Error(`there is no valkey-${program}: install valkey or redis-server`);
    await files.program(found, `/usr/local/bin/valkey-${program}`);
  }
  await files.folder('/data', 0o777);
  // As in the official image, everything in the containers' network may connect.
  await files.file('/usr/local/bin/entrypoint', '#!/bin/sh\nexec "$@" --protected-mode no\n', 0o755);
  await files.program('/bin/sh');
  await files.toImage(bases.cache, ['WORKDIR /data', 'ENTRYPOINT ["/usr/local/bin/entrypoint"]']);
}

const ENTRYPOINT = `#!/bin/sh
set -eu
data=/var/lib/postgresql/data/server
if [ ! -e "$data/PG_VERSION" ]; then
  password=\${POSTGRES_PASSWORD:-}
  [ -n "$password" ] || read -r password < "$POSTGRES_PASSWORD_FILE"
  printf '%s' "$password" > /tmp/password
  initdb -D "$data" -U "$POSTGRES_USER" --auth=scram-sha-256 --pwfile=/tmp/password --locale=C --encoding=UTF8
  printf 'host all all all scram-sha-256\\n' >> "$data/pg_hba.conf"
  printf 'CREATE DATABASE %s;\\n' "$POSTGRES_DB" | postgres --single -D "$data" postgres
fi
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp
`;
