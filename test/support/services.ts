import { existsSync } from 'node:fs';
import { test } from '@jest/globals';

/**
 * `test`, where the packages of the reference services are installed. Where they are not, the test says so loudly;
 * in CI it fails instead, so that what was never run cannot look green.
 */
export const testWithServices = installed() ? test : test.skip;

function installed(): boolean {
  if (process.env['CI'] === 'true' || existsSync(new URL('../../services/node_modules', import.meta.url))) {
    return true;
  }
  process.stderr.write('\nNOT RUN: tests that need the services: npm ci --prefix services\n\n');
  return false;
}
