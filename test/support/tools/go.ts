import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cached } from './cache.ts';

/** A program that is built from a Go module. */
export interface GoProgram {
  name: string;
  module: string;
  version: string;
  /** Of the module, the package with `main`. */
  package: string;
}

/** Far more than any takes: what was compiled before a failure is in Go's own cache, and not compiled again. */
const LIMIT_MS = 60 * 60_000;

/**
 * Path of a Go program, built at the first call. It is built in the module's own folder: `go install` refuses a
 * module that has `replace` or `exclude` directives, as buildx has.
 *
 * @see https://go.dev/ref/mod#go-install
 * @throws Error with the words of go, where it cannot be built.
 */
export function goProgram({ name, module, version, package: main }: GoProgram): string {
  return cached(`${name}-${version}`, (draft) => {
    const { Dir } = JSON.parse(go(['mod', 'download', '-json', `${module}@${version}`], draft)) as {
      Dir: string;
    };
    const program = join(draft, name);
    go(['build', '-o', program, main], Dir);
    return program;
  });
}

/**
 * Path of a Go program of our own, built at the first call and after a change: the folder beside this file that has its
 * name, with the versions of its modules in go.mod.
 */
export function ownGoProgram(name: string): string {
  const folder = join(import.meta.dirname, name);
  const sources = ['main.go', 'go.mod', 'go.sum'].map((file) => readFileSync(join(folder, file)));
  const version = createHash('sha256').update(Buffer.concat(sources)).digest('hex').slice(0, 12);
  return cached(`${name}-${version}`, (draft) => {
    const program = join(draft, name);
    go(['build', '-o', program, '.'], folder);
    return program;
  });
}

function go(args: string[], cwd: string): string {
  return execFileSync('go', args, {
    cwd,
    encoding: 'utf8',
    // A program without C libraries also runs in an image that has nothing else.
    env: { ...process.env, CGO_ENABLED: '0' },
    timeout: LIMIT_MS,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
