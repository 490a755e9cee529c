import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const folder = 'test/templates/validators';

/** Installs the validators in this folder's package-lock.json, if necessary. */
export function installValidators(): void {
  if (existsSync(join(folder, 'node_modules/.package-lock.json'))) return;
  execFileSync('npm', ['ci', '--prefix', folder, '--no-audit', '--no-fund'], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
}

const requireHere = () => createRequire(join(process.cwd(), folder, 'package.json'));

/** Loads an installed package. */
export const load = (name: string): unknown => requireHere()(name) as unknown;

/** The folder of an installed package. */
export const packageFolder = (name: string): string => dirname(requireHere().resolve(`${name}/package.json`));
