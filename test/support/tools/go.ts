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
  /** The package with `main` in the module. */
  package: string;
}

/** Far more than any build takes. Packages compiled before a failure are in Go's cache and are not compiled again. */
const LIMIT_MS = 60 * 60_000;

/**
 * The path of a Go program, built on the first call. It is built in the module's folder, because `go install` refuses a
 * module with `replace` or `exclude` directives, such as buildx.
 *
 * @see https://go.dev/ref/mod#go-install
 * @throws Error with go's message if the build fails.
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
 * The path of one of our Go programs, built on the first call and after a change. Its source is the folder with its
 * name next to this file, and its modules' versions are in go.mod.
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
    // A program without C libraries also runs in an image that contains nothing else.
    env: { ...process.env, CGO_ENABLED: '0' },
    timeout: LIMIT_MS,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
