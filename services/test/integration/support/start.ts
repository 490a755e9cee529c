import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import startPostgres from '../../support/start-postgres.ts';
import { bases, makeBaseImages } from './base-images.ts';
import { DockerDaemon, docker } from './docker.ts';
import { images } from './images.ts';
import stop from './stop.ts';

/** Starts everything for the integration tests: PostgreSQL, the built services, a Docker daemon and the images. */
export default async function start(): Promise<void> {
  process.env['POSTGRES_BIN'] ??= newestPostgres();
  try {
    await startPostgres();
    Object.assign(globalThis, { testDaemon: await DockerDaemon.start() });
    await makeBaseImages();
    await buildImages();
  } catch (error) {
    await stop();
    throw error;
  }
}

const PACKAGED = '/usr/lib/postgresql';

/** Debian installs the programs of each version in a separate folder. */
function newestPostgres(): string {
  const versions = existsSync(PACKAGED) ? readdirSync(PACKAGED).map(Number).filter(Number.isInteger) : [];
  if (versions.length === 0)
    throw new Error('there is no PostgreSQL: install postgresql, or set POSTGRES_BIN');
  return `${PACKAGED}/${Math.max(...versions)}/bin`;
}

async function buildImages(): Promise<void> {
  const context = fileURLToPath(new URL('../../../', import.meta.url));
  const values = [`NODE_IMAGE=${bases.node}`, `RUNTIME_IMAGE=${bases.runtime}`];
  const parameters = ['--network=host', ...values.flatMap((value) => ['--build-arg', value])];
  for (const [service, image] of Object.entries(images)) {
    const file = `${context}${service}/Dockerfile`;
    await docker('build', '--tag', image, '--file', file, ...parameters, context);
  }
}
