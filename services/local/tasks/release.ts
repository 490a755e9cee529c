import { cp, rename } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildService } from '../build.ts';
import type { ServiceName } from '../service-process.ts';

/** The available releases: the current workspace, and releases with a typical defect. */
export const releaseNames = ['current', 'crashes-at-start', 'fails-health-check', 'fails-migration'] as const;
export type Release = (typeof releaseNames)[number];

export const isRelease = (value: unknown): value is Release =>
  (releaseNames as readonly unknown[]).includes(value);

/**
 * The files of the releases' images, in one folder. They are built on first use, and not affected by later builds of
 * the workspace.
 */
export class ReleaseFiles {
  readonly #folder: string;
  readonly #made = new Map<string, Promise<string>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns the folder that corresponds to the image's `/app`. @throws Error if the service cannot be built. */
  of(service: ServiceName, release: Release): Promise<string> {
    const key = `${service}@${release}`;
    const made = this.#made.get(key) ?? this.#make(service, release, join(this.#folder, key));
    this.#made.set(key, made);
    return made;
  }

  async #make(service: ServiceName, release: Release, folder: string): Promise<string> {
    if (release === 'current') {
      await buildService(service, join(folder, 'dist'));
      const migrations = fileURLToPath(new URL(`../../${service}/migrations/`, import.meta.url));
      if (existsSync(migrations)) await cp(migrations, join(folder, 'migrations'), { recursive: true });
      return folder;
    }
    await cp(await this.of(service, 'current'), folder, { recursive: true });
    // A program of the release replaces the original one.
    const changes = fileURLToPath(new URL(`releases/${release}/`, import.meta.url));
    const program = join(folder, 'dist/main.js');
    if (existsSync(join(changes, 'dist/main.js'))) await rename(program, join(folder, 'dist/released.js'));
    await cp(changes, folder, { recursive: true });
    return folder;
  }
}
