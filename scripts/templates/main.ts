import { writeFileSync } from 'node:fs';
import { formatted } from '../format.ts';
import { templatesPage } from './page.ts';

/** `npx tsx scripts/templates/main.ts`: writes the reference in docs/reference/templates.md. */
writeFileSync('docs/reference/templates.md', await formatted('docs/reference/templates.md', templatesPage()));
