import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { writeImage } from './images.ts';

interface Platform {
  environments: Record<string, Record<string, unknown>>;
  services: Record<string, Record<string, unknown>>;
}

/** Nobody who watches wants to wait an hour; the story shows the gate with a step of its own. */
const SOAK = '0s';

/** A checkout of the reference platform, with ready images where a runner would build them. */
export class Workspace {
  readonly folder = mkdtempSync(join(tmpdir(), 'demo-'));
  readonly services: readonly string[];

  constructor() {
    cpSync('templates', join(this.folder, 'templates'), { recursive: true });
    const platform = parse(readFileSync('platform.yml', 'utf8')) as Platform;
    this.services = Object.keys(platform.services);
    for (const [name, service] of Object.entries(platform.services)) {
      service['build'] = { 'oci-layout': `images/${name}` };
    }
    for (const environment of Object.values(platform.environments)) {
      if ('soak' in environment) environment['soak'] = SOAK;
    }
    writeFileSync(join(this.folder, 'platform.yml'), stringify(platform));
  }

  /** Puts a version of every service in the place of what a build of the commit gives; service → digest. */
  checkOut(version: number, services: readonly string[] = this.services): Record<string, string> {
    return Object.fromEntries(
      services.map((name) => [name, writeImage(join(this.folder, 'images', name), name, version)]),
    );
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
