import { fileURLToPath } from 'node:url';
import startPostgres from '../../support/start-postgres.ts';
import { bases, makeBaseImages } from './base-images.ts';
import { DockerDaemon, docker } from './docker.ts';
import { images } from './images.ts';

/** Everything that the integration tests need: PostgreSQL, the built services, a Docker daemon and the images. */
export default async function start(): Promise<void> {
  process.env['POSTGRES_BIN'] ??= '/usr/lib/postgresql/15/bin';
  await startPostgres();
  Object.assign(globalThis, { testDaemon: await DockerDaemon.start() });
  await makeBaseImages();
  const context = fileURLToPath(new URL('../../../', import.meta.url));
  for (const [service, image] of Object.entries(images)) {
    const values = [`NODE_IMAGE=${bases.node}`, `RUNTIME_IMAGE=${bases.runtime}`];
    const parameters = values.flatMap((value) => ['--build-arg', value]);
    await docker(
      'build',
      '--network=host',
      '--tag',
      image,
      '--file',
      `${context}${service}/Dockerfile`,
      ...parameters,
      context,
    );
  }
}
