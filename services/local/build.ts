import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { serviceNames } from './service-process.ts';

/** Bundles every service, as its image does. @throws Error with the name of the one that cannot be built. */
export async function buildServices(): Promise<void> {
  for (const service of serviceNames) {
    const cwd = fileURLToPath(new URL(`../${service}/`, import.meta.url));
    const build = spawn(process.execPath, ['../build.js'], { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
    const [code] = (await once(build, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`${service} cannot be built`);
  }
}
