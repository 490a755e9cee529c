import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { serviceNames } from './service-process.ts';
import type { ServiceName } from './service-process.ts';

/** Bundles every service, as its image does. @throws Error with the name of the service that failed to build. */
export async function buildServices(): Promise<void> {
  for (const service of serviceNames) await buildService(service);
}

/** Bundles one service, into its own dist/ or into another folder. @throws Error with the builder's output. */
export async function buildService(service: ServiceName, folder = 'dist'): Promise<void> {
  const cwd = fileURLToPath(new URL(`../${service}/`, import.meta.url));
  const build = spawn(process.execPath, ['../build.js', folder], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([
    text(build.stdout),
    text(build.stderr),
    once(build, 'close') as Promise<[number | null]>,
  ]);
  if (code !== 0) throw new Error(`${service} failed to build:\n${stdout}${stderr}`);
}
