import { writeFileSync } from 'node:fs';
import { formatted } from '../format.ts';
import { guidelinesPage } from './page.ts';

/** `npx tsx scripts/guidelines/main.ts`: writes docs/guidelines.md. */
writeFileSync('docs/guidelines.md', await formatted('docs/guidelines.md', guidelinesPage()));
