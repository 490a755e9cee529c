import { writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { guidelinesPage } from './page.ts';

/** `npx tsx scripts/guidelines/main.ts`: writes docs/guidelines.md. */
const options = (await resolveConfig('docs/guidelines.md')) ?? {};
writeFileSync('docs/guidelines.md', await format(guidelinesPage(), { ...options, parser: 'markdown' }));
