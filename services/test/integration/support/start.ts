import { fileURLToPath } from 'node:url';
import startPostgres from '../../support/start-postgres.ts';
import { bases, makeBaseImages } from './base-images.ts';
import { DockerDaemon, docker } from './docker.ts';
import { images } from './images.ts';
import stop from './stop.ts';

/** Everything that the integration tests need: PostgreSQL, the built services, a Docker daemon and the images. */
export default async function start(): Promise<void> {
  process.env['POSTGRES_BIN'] ??= '/usr/lib/postgresql/15/bin';
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

async function buildImages(): Promise<void> {
  const context = fileURLToPath(new URL('../../../', import.meta.url));
  const values = [`NODE_IMAGE=${bases.node}`, `RUNTIME_IMAGE=${bases.runtime}`];
  const parameters = ['--network=host', ...values.flatMap((value) => ['--build-arg', value])];
  for (const [service, image] of Object.entries(images)) {
    const file = `${context}${service}/Dockerfile`;
    await docker('build', '--tag', image, '--file', file, ...parameters, context);
  }
}
