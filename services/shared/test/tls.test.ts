import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { Postgres } from '../../local/postgres.ts';
import { unprivilegedUser } from '../../local/postgres-binaries.ts';
import { silentLog } from '../../test/support/log.ts';
import { patience } from '../../test/support/patience.ts';
import { readDatabaseConfig } from '../src/database-config.ts';
import { Database } from '../src/database.ts';

let postgres: Postgres;
let folder: string;

const certificate = () =>
  generate([{ name: 'commonName', value: 'localhost' }], {
    keySize: 2048,
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
    ],
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'services-tls-'));
  const [server, stranger] = [await certificate(), await certificate()];
  const files = { 'server.key': server.private, 'server.pem': server.cert, 'stranger.pem': stranger.cert };
  const owner = unprivilegedUser();
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    if (owner !== undefined) await chown(join(folder, name), owner.uid, owner.gid);
  }
  if (owner !== undefined) await chown(folder, owner.uid, owner.gid);
  postgres = await Postgres.start({
    dataFolder: join(folder, 'data'),
    settings: {
      ssl: 'on',
      ssl_cert_file: join(folder, 'server.pem'),
      ssl_key_file: join(folder, 'server.key'),
    },
  });
});

afterAll(async () => {
  await postgres.stop('immediate');
  await rm(folder, { recursive: true, force: true });
});

async function connect(host: string, env: Record<string, string>) {
  const config = await readDatabaseConfig({
    DB_HOST: host,
    DB_PORT: String(postgres.port),
    DB_NAME: 'postgres',
    DB_SECRET: JSON.stringify({ username: 'postgres', password: 'none' }),
    ...patience,
    ...env,
  });
  const database = new Database(config, { application: 'test', log: silentLog });
  try {
    return await database.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
  } finally {
    await database.close();
  }
}

test('a server whose certificate matches its name is trusted', async () => {
  expect(await connect('localhost', { DB_CA_FILE: join(folder, 'server.pem') })).toEqual([{ ssl: true }]);
});

test('a certificate of another authority is refused', async () => {
  await expect(connect('localhost', { DB_CA_FILE: join(folder, 'stranger.pem') })).rejects.toThrow(
    /the database is not available: .*certificate/,
  );
  await expect(connect('localhost', {})).rejects.toThrow(/certificate/);
});

test('a server whose name differs from the certificate is refused', async () => {
  await expect(connect('127.0.0.1', { DB_CA_FILE: join(folder, 'server.pem') })).rejects.toThrow(
    /does not match certificate/,
  );
});

test('connects without TLS only if TLS is disabled', async () => {
  expect(await connect('localhost', { DB_SSLMODE: 'disable' })).toEqual([{ ssl: false }]);
});
