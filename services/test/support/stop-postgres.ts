import { rm } from 'node:fs/promises';
import type { Postgres } from '../../local/postgres.ts';

export default async function stopPostgres(): Promise<void> {
  const { postgres, dataFolder } = (
    globalThis as unknown as { testPostgres: { postgres: Postgres; dataFolder: string } }
  ).testPostgres;
  await postgres.stop('immediate');
  await rm(dataFolder, { recursive: true, force: true });
}
