import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildServices } from '../../local/build.ts';
import { Postgres } from '../../local/postgres.ts';
import stopPostgres from './stop-postgres.ts';

/** Starts one server for all tests, each of which creates its own database in it, and builds the services. */
export default async function startPostgres(): Promise<void> {
  const dataFolder = await mkdtemp(join(tmpdir(), 'services-test-'));
  const settings = {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '300',
  };
  const postgres = await Postgres.start({ dataFolder, settings });
  Object.assign(globalThis, { testPostgres: { postgres, dataFolder } });
  process.env['TEST_POSTGRES_URL'] = postgres.url();
  await buildServices().catch(async (error: unknown) => {
    await stopPostgres();
    throw error;
  });
}
