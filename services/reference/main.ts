import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { formatted } from '../../scripts/format.ts';
import { readDocuments } from './documents.ts';
import { referencePage } from './page.ts';

/**
 * Writes docs/reference/services.md from the OpenAPI documents of the services. With --check it writes nothing and
 * fails if the page is out of date.
 */
const file = fileURLToPath(new URL('../../docs/reference/services.md', import.meta.url));
const page = await formatted(file, referencePage(await readDocuments()));
if (!process.argv.includes('--check')) writeFileSync(file, page);
else if (readFileSync(file, 'utf8') !== page) {
  console.error('docs/reference/services.md is out of date: run npm run docs --prefix services');
  process.exitCode = 1;
}
