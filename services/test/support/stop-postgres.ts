import { rm } from 'node:fs/promises';
import type { Postgres } from '../../local/postgres.ts';

export default async function stopPostgres(): Promise<void> {
  const { testPostgres } = globalThis as { testPostgres?: { postgres: Postgres; dataFolder: string } };
  if (testPostgres === undefined) return;
  await testPostgres.postgres.stop('immediate');
  await rm(testPostgres.dataFolder, { recursive: true, force: true });
}
