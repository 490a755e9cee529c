import { describe, expect, test } from '@jest/globals';
import { marked } from 'marked';
import type { Tokens } from 'marked';
import { code, details, escapeCell, fence, table } from '../../../src/core/markdown/markdown.ts';
import { fitSections, type Section } from '../../../src/core/markdown/sections.ts';
import { fc } from '../../support/property.ts';

/** Text full of special characters of Markdown, HTML and GitHub. */
const nasty = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '|',
        '\\',
        '`',
        '``',
        '\n',
        '\r\n',
        '<b>',
        '</td>',
        '<!--',
        '&amp;',
        '&',
        '*',
        '**',
        '_',
        '__',
      ),
      fc.constantFrom(
        '~~',
        '[x](y)',
        '![x](y)',
        '$',
        '@octocat',
        '#12',
        '---',
        '- ',
        '# ',
        '> ',
        '\t',
        '\u202e',
        '\0',
      ),
      fc.constantFrom(
        'a',
        'ß',
        '日本',
        '😀',
        ' ',
        'https://x.example/',
        'www.x.example',
        'AWS::EC2::VPC',
        'MY_VAR',
        '|---|',
      ),
      fc.string({ unit: 'grapheme', maxLength: 5 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

/** The visible text of a piece of HTML. */
function seen(html: string): string {
  return html
    .replaceAll('<br>', '\n')
    .replace(/<\/?(?:code|a)\b[^>]*>/g, '')
    .replace(/&#(\d+);/g, (_match, code: string) => String.fromCodePoint(Number(code)))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('\u200b', '');
}

/** The expected visible text: no control characters, no surrounding space. */
function expected(text: string): string {
  return text
    .trim()
    .replace(/\r\n?|[\u2028\u2029\u0085\v\f]/g, '\n')
    .replaceAll('\t', ' ')
    .replace(/[^\P{Cc}\n]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u200b]/gu, '');
}

const squeeze = (text: string): string => text.replace(/\s+/g, ' ').trim();

describe('escapeCell', () => {
  test.each([
    ['a|b', 'a&#124;b'],
    ['a\nb', 'a<br>b'],
    ['`x`', '&#96;x&#96;'],
    ['<script>', '&lt;script&gt;'],
    ['@org/team', '@&#8203;org/team'],
    ['fixes #12', 'fixes #&#8203;12'],
    ['MY_VAR _em_', 'MY_VAR &#95;em&#95;'],
    ['a\\|b', 'a&#92;&#124;b'],
    ['https://x.example/a|b', 'https&#58;//x.example/a&#124;b'],
    ['www.x.example', 'www&#46;x.example'],
    ['a: b. c', 'a: b. c'],
    ['', ''],
  ])('%j → %j', (text, markdown) => {
    expect(escapeCell(text)).toBe(markdown);
  });

  test('any text is one cell and is displayed unchanged', () => {
    fc.assert(
      fc.property(nasty, nasty, (first, second) => {
        const [token, ...others] = marked.lexer(table(['A', 'B'], [[escapeCell(first), escapeCell(second)]]));
        expect(others.filter(({ type }) => type !== 'space')).toEqual([]);
        const { rows } = token as Tokens.Table;
        expect(rows).toHaveLength(1);
        const cells = rows[0]!.map(({ tokens }) => squeeze(seen(marked.Parser.parseInline(tokens))));
        expect(cells).toEqual([squeeze(expected(first)), squeeze(expected(second))]);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('code', () => {
  test.each([
    ['vpc-1', '`vpc-1`'],
    ['a <b> *c* _d_', '`a <b> *c* _d_`'],
    ['a|b', '<code>a&#124;b</code>'],
    ['a`b', '<code>a&#96;b</code>'],
    ['a\nb', '<code>a<br>b</code>'],
    ['', '<code></code>'],
    ['*', '`*`'],
  ])('%j → %j', (text, markdown) => {
    expect(code(text)).toBe(markdown);
  });

  test('any text is code in one cell and is displayed unchanged', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const [token] = marked.lexer(table(['A'], [[code(text)]]));
        const { rows } = token as Tokens.Table;
        expect(rows).toHaveLength(1);
        const html = marked.Parser.parseInline(rows[0]![0]!.tokens);
        expect(html).toMatch(/^<code>.*<\/code>$/s);
        expect(squeeze(seen(html))).toBe(squeeze(expected(text)));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('table', () => {
  test('missing cells are empty, extra ones are dropped, and lines stay in their row', () => {
    expect(table(['A', 'B'], [['1'], ['1', '2', '3'], ['a\nb', ' c ']])).toBe(
      '| A | B |\n| --- | --- |\n| 1 |  |\n| 1 | 2 |\n| a<br>b | c |',
    );
  });

  test('a column without a header does not compile', () => {
    // @ts-expect-error Empty header.
    table(['A', ''], []);
    // The type cannot check computed headers.
    table(['a', 'b'].map(escapeCell), []);
  });
});

describe('details and fence', () => {
  test('a summary is text, a body Markdown', () => {
    expect(details('<b>', '\n**x**\n')).toBe(
      '<details>\n<summary>&lt;b&gt;</summary>\n\n**x**\n\n</details>',
    );
  });

  test('any text stays within its fence', () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const tokens = marked.lexer(fence(text)).filter(({ type }) => type !== 'space');
        expect(tokens).toHaveLength(1);
        expect(tokens[0]?.type).toBe('code');
      }),
    );
  });
});

const rowsOf = fc.array(fc.tuple(nasty, nasty), { minLength: 1, maxLength: 60 });
const body = fc.oneof(
  rowsOf.map((rows) =>
    table(
      ['Logical id', 'Reason'],
      rows.map((row) => row.map(escapeCell)),
    ),
  ),
  nasty.map((text) => fence(text)),
  fc.array(nasty, { maxLength: 40 }).map((lines) => details('Timeline', fence(lines.join('\n')))),
  rowsOf.map((rows) =>
    details(
      'Events',
      table(
        ['A', 'B'],
        rows.map((row) => row.map(code)),
      ),
    ),
  ),
  fc.array(nasty, { maxLength: 20 }).map((lines) => lines.map(escapeCell).join('\n\n')),
);
const sections: fc.Arbitrary<Section[]> = fc.array(
  fc.record({
    title: fc.string({ maxLength: 80 }).map(escapeCell),
    body,
    priority: fc.integer({ min: 0, max: 5 }),
  }),
  { maxLength: 8 },
);

describe('fitSections', () => {
  const section = (title: string, lines: number, priority: number): Section => ({
    title,
    body: `${title} line\n`.repeat(lines),
    priority,
  });

  test('sections that fit are joined in order', () => {
    const parts = [section('B', 1, 0), { body: 'no title', priority: 9 }, section('A', 2, 5)];
    expect(fitSections(parts, 1000)).toBe('### B\n\nB line\n\nno title\n\n### A\n\nA line\nA line');
  });

  test('the least important section is truncated first, between lines, and named', () => {
    const text = fitSections([section('Low', 1000, 0), section('High', 200, 1)], 6000);
    expect(text).toContain('High line\n'.repeat(200).trim());
    expect(text).toMatch(/^### Low\n\n(Low line\n)+\n### High/);
    expect(text).toMatch(
      /> Shortened to fit GitHub's limit: Low truncated\. See the log for the full text\.$/,
    );
    expect(text.length).toBeGreaterThan(3500);
  });

  test('a section with almost no content left is omitted', () => {
    const text = fitSections([section('High', 390, 1), section('Low', 1000, 0)], 6000);
    expect(text).toMatch(/: Low omitted\. See the log for the full text\.$/);
    expect(text).not.toContain('Low line');
  });

  test('of equal sections, the last is truncated first', () => {
    const text = fitSections(
      [section('First', 300, 1), section('Second', 300, 1), section('Third', 300, 1)],
      6000,
    );
    expect(text).toContain('First line\n'.repeat(300).trim());
    expect(text).toContain('Second truncated; Third omitted');
  });

  test('a table keeps at least one row, or is omitted with its heading', () => {
    const wide = table(['A', 'B'], [['x'.repeat(5000), 'y']]);
    const text = fitSections([{ title: 'Table', body: wide, priority: 0 }], 4000);
    expect(text).toBe("> Shortened to fit GitHub's limit: Table omitted. See the log for the full text.");
  });

  test('a limit that is too small results in an empty text', () => {
    expect(fitSections([section('A', 100, 0)], 10)).toBe('');
  });

  test.each(['bytes', 'characters'] as const)('never exceeds the limit in %s', (unit) => {
    fc.assert(
      fc.property(sections, fc.integer({ min: 0, max: 20_000 }), (parts, limit) => {
        const text = fitSections(parts, limit, unit);
        expect(unit === 'bytes' ? Buffer.byteLength(text) : text.length).toBeLessThanOrEqual(limit);
      }),
    );
  });

  test('never breaks a table, a fence or details', () => {
    const large = fc.array(sections, { minLength: 4, maxLength: 4 }).map((parts) => parts.flat());
    fc.assert(
      fc.property(large, fc.integer({ min: 2100, max: 8000 }), (parts, limit) => {
        const text = fitSections(parts, limit, 'characters');
        expectWhole(text);
      }),
      { numRuns: 300 },
    );
  });
});

/** All rows of a table have the same number of cells, and every fence and details element is closed. */
function expectWhole(markdown: string): void {
  let fenceMarks = '';
  let depth = 0;
  const lines = markdown.split('\n');
  for (const [index, line] of lines.entries()) {
    const marks = /^(`{3,})/.exec(line)?.[1];
    if (fenceMarks !== '') {
      if (marks !== undefined && line === fenceMarks) fenceMarks = '';
      continue;
    }
    if (marks !== undefined) fenceMarks = marks;
    if (line === '<details>') depth += 1;
    if (line === '</details>') depth -= 1;
    if (line === '| --- | --- |') expect(lines[index + 1]).toMatch(/^\|.*\|$/);
    if (/^\|/.test(line)) expect(line.match(/(?<!\\)\|/g)).toHaveLength(3);
  }
  expect({ fenceMarks, depth }).toEqual({ fenceMarks: '', depth: 0 });
}
