import { existsSync } from 'node:fs';
import { test } from '@jest/globals';

/**
 * `test` if the packages of the reference services are installed. Otherwise it prints a warning; in CI it fails
 * instead.
 */
export const testWithServices = installed() ? test : test.skip;

function installed(): boolean {
  if (process.env['CI'] === 'true' || existsSync(new URL('../../services/node_modules', import.meta.url))) {
    return true;
  }
  process.stderr.write('\nNOT RUN: tests that need the services: npm ci --prefix services\n\n');
  return false;
}
