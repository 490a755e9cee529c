import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A data file of this folder, which scripts/permissions.ts writes. In a bundle, scripts/build.ts replaces this module with
 * the text of the files.
 */
export function readReference(name: 'actions' | 'handlers'): string {
  return readFileSync(join(import.meta.dirname, 'data', `${name}.json`), 'utf8');
}
