import { writeFileSync } from 'node:fs';
import { formatted } from '../format.ts';
import { templatesPage } from './page.ts';

/** `npx tsx scripts/templates/main.ts`: writes the reference in docs/templates.md. */
writeFileSync('docs/templates.md', await formatted('docs/templates.md', templatesPage()));
