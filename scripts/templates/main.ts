import { writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { templatesPage } from './page.ts';

/** `npx tsx scripts/templates/main.ts`: writes the reference in docs/templates.md. */
const options = (await resolveConfig('docs/templates.md')) ?? {};
writeFileSync('docs/templates.md', await format(templatesPage(), { ...options, parser: 'markdown' }));
