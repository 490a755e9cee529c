import { existsSync, readFileSync } from 'node:fs';
import { delivery } from './delivery.ts';
import type { Defect, Place } from './defect.ts';
import { infrastructure } from './infrastructure.ts';
import { local } from './local.ts';
import { services } from './services.ts';

export const sections = [...local, ...infrastructure, ...services, ...delivery];

/** The 1-based line of a place. @throws Error when the file, or the text in it, is not there. */
export function lineOf([file, text]: Place): number {
  if (!existsSync(file)) throw new Error(`${file} is not there`);
  if (text === '') return 1;
  const index = readFileSync(file, 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text));
  if (index < 0) throw new Error(`${file} does not hold "${text}"`);
  return index + 1;
}

const link = (place: Place): string => {
  const [file, text] = place;
  const at = text === '' ? file : `${file}:${lineOf(place)}`;
  return `[${at}](../${file}${text === '' ? '' : `#L${lineOf(place)}`})`;
};

const row = ({ number, defect, fix, places }: Defect): string =>
  `| ${number} | ${defect} | ${fix} | ${places.map(link).join('<br>') || '–'} |`;

/** docs/guidelines.md, whole. */
export function guidelinesPage(): string {
  return [
    '# The guidelines, defect by defect',
    'The platform began with a deployment guide of a usual kind: good ideas, and templates and scripts that would not ' +
      'have run. These are its 75 defects, what is done in their place, and where. Written by ' +
      '`npx tsx scripts/guidelines/main.ts`, which finds the lines; a test fails where this page is behind.',
    ...sections.flatMap(({ title, defects }) => [
      `## ${title}`,
      ['| # | Defect | Here | Where |', '| --: | --- | --- | --- |', ...defects.map(row)].join('\n'),
    ]),
  ].join('\n\n');
}
