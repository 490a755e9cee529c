import { spawnSync } from 'node:child_process';
import { test } from '@jest/globals';

/** Whether a program answers on this machine. */
export function has(program: string, args: readonly string[] = ['--version']): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).error === undefined;
}

/**
 * `test`, where the program is there. Where it is not, the test says so loudly; in CI it fails instead, so
 * that what was never run cannot look green.
 */
export function testWith(program: string): typeof test | typeof test.skip {
  if (has(program) || process.env['CI'] === 'true') return test;
  process.stderr.write(`\nNOT RUN: tests that need ${program}, which is not on this machine.\n\n`);
  return test.skip;
}
