import stopPostgres from '../../support/stop-postgres.ts';
import type { DockerDaemon } from './docker.ts';

export default async function stop(): Promise<void> {
  await stopPostgres();
  await (globalThis as unknown as { testDaemon: DockerDaemon | undefined }).testDaemon?.stop();
}
