import { expect, test } from '@jest/globals';
import {
  isNewer,
  joinParts,
  type Layout,
  LIMIT_CHARACTERS,
  type PartDraft,
  readParts,
  writeBody,
} from '../../../src/github/comment-parts.ts';
import { fc } from '../../support/property.ts';

const NAMES = ['dev', 'staging', 'prod', 'dr'];
const layout: Layout = {
  marker: '<!-- platform:deploy-environment/shop -->',
  order: NAMES,
  runsUrl: 'https://github.com/org/shop/actions/runs',
};

function draftOf(name: string, body: string, run = 7): PartDraft {
  const sections = [{ title: name, body, priority: 1 }];
  return { name, version: { run, attempt: 1, at: 1 }, commit: 'a'.repeat(40), sections };
}

/** The comment after each of the drafts was written, in order. */
function written(drafts: readonly PartDraft[]): string {
  return drafts.reduce((body, draft) => writeBody(draft, readParts(body).values(), layout), '');
}

const hostile = fc.array(
  fc.oneof(
    fc.constant(layout.marker),
    fc.constant('<!-- platform:part prod 9.1.1 - -->'),
    fc.constant('<!--platform:part prod 9.1.1 - -->'),
    fc.constant('<!--\tPLATFORM:part dev 9.1.1 -'),
    fc.constant('-->'),
    fc.constant('```'),
    fc.constant('\r'),
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'grapheme' }).map((text) => text.repeat(2000)),
  ),
  { maxLength: 30 },
);

test('no text can forge or hide a section; all sections fit and keep their text', () => {
  let tried = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(...NAMES), hostile), { minLength: 1, maxLength: 8 }),
      (texts) => {
        tried++;
        const drafts = texts.map(([name, lines], index) =>
          draftOf(name, `of ${name}\n${lines.join('\n')}`, index),
        );
        const body = written(drafts);
        expect(body.length).toBeLessThanOrEqual(LIMIT_CHARACTERS);
        const parts = readParts(body);
        expect([...parts.keys()]).toEqual(
          NAMES.filter((name) => drafts.some((draft) => draft.name === name)),
        );
        for (const { name, text, version } of parts.values()) {
          const last = drafts.findLast((draft) => draft.name === name);
          expect(version).toEqual(last?.version);
          expect(text).toMatch(new RegExp(`^### ${name}(\n|$)`));
        }
      },
    ),
    { numRuns: 300 },
  );
  console.info(`${tried} courses of writing tried`);
});

test('long sections share the space that short ones leave', () => {
  const long = (letter: string): string => `${letter.repeat(99)}\n`.repeat(1000);
  const alone = readParts(written([draftOf('dev', long('d'))]));
  expect(alone.get('dev')?.text.length).toBeGreaterThan(60_000);
  const all = readParts(
    written([draftOf('dev', long('d')), draftOf('staging', long('s')), draftOf('prod', 'short')]),
  );
  const [dev, staging, prod] = ['dev', 'staging', 'prod'].map((name) => all.get(name)?.text ?? '');
  expect(prod).toBe('### prod\n\nshort');
  for (const text of [dev, staging]) {
    expect(text?.length).toBeGreaterThan(29_000);
    expect(text?.length).toBeLessThan(33_000);
    expect(text).toMatch(/> Shortened to fit GitHub's limit[^\n]*$/);
    expect(text?.match(/Shortened/g)).toHaveLength(1);
  }
});

test('a truncated section has one note, however often others write', () => {
  const long = `${'d'.repeat(99)}\n`.repeat(1000);
  const body = written([draftOf('dev', long), ...[1, 2, 3].map((run) => draftOf('prod', long, run))]);
  expect(
    readParts(body)
      .get('dev')
      ?.text.match(/Shortened/g),
  ).toHaveLength(1);
});

test('sections of too many environments are reduced to their note', () => {
  const names = Array.from({ length: 200 }, (_, index) => `e${index}`);
  const drafts = names.map((name) => draftOf(name, 'x\n'.repeat(1000)));
  const body = drafts.reduce(
    (text, draft) => writeBody(draft, readParts(text).values(), { ...layout, order: names }),
    '',
  );
  expect(body.length).toBeLessThanOrEqual(LIMIT_CHARACTERS);
  expect(readParts(body).size).toBe(200);
});

test('supports CRLF in a comment edited by a person', () => {
  const body = written([draftOf('dev', 'one'), draftOf('prod', 'two')]);
  expect(readParts(body.replaceAll('\n', '\r\n'))).toEqual(readParts(body));
});

test.each([
  [[8, 1, 1], [7, 2, 9], true],
  [[7, 2, 1], [7, 1, 9], true],
  [[7, 1, 2], [7, 1, 1], true],
  [[7, 1, 1], [7, 1, 1], false],
  [[7, 1, 1], [8, 1, 1], false],
])('%j is newer than %j: %s', (one, other, newer) => {
  const [a, b] = [one, other].map(([run = 0, attempt = 0, at = 0]) => ({ run, attempt, at }));
  if (!a || !b) throw new Error('two versions');
  expect(isNewer(a, b)).toBe(newer);
});

test('of two comments, the newest section of each name is used', () => {
  const older = readParts(written([draftOf('dev', 'old', 1), draftOf('prod', 'new', 3)]));
  const newer = readParts(written([draftOf('dev', 'new', 2), draftOf('prod', 'old', 2)]));
  for (const comments of [
    [older, newer],
    [newer, older],
  ]) {
    expect([...joinParts(comments).values()].map(({ name, version }) => [name, version.run]).sort()).toEqual([
      ['dev', 2],
      ['prod', 3],
    ]);
  }
});
