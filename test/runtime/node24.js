import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const folder = import.meta.dirname;

/** Path of the program that runs actions: Node.js 24, or what counts for the coverage and then runs it. */
export function node24() {
  return process.env['COUNTING_NODE'] ?? installedNode24();
}

/** Path of a Node.js 24 binary: this process's own, or the one that the packages in this folder ship. */
export function installedNode24() {
  if (process.versions.node.startsWith('24.')) return process.execPath;
  const packages = join(folder, 'node_modules');
  const found = existsSync(packages)
    ? readdirSync(packages)
        .flatMap((name) => [join(packages, name, 'bin', 'node'), join(packages, name, 'bin', 'node.exe')])
        .find((path) => existsSync(path))
    : undefined;
  if (found === undefined) throw new Error(`Node.js 24 is not installed: run npm ci --prefix ${folder}`);
  return found;
}

/** Installs Node.js 24 in this folder, unless this process runs on it or it is there. */
export function installNode24() {
  try {
    installedNode24();
  } catch {
    execFileSync('npm', ['ci', '--prefix', folder, '--no-audit', '--no-fund'], {
      stdio: 'inherit',
      shell: process.platform === 'win32',
    });
  }
  installedNode24();
}
