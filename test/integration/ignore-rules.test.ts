import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, describe, expect, jest } from '@jest/globals';
import { contextEntries, locate } from '../../src/images/build/context-files.ts';
import { type IgnoreDialect, IgnoreRules } from '../../src/images/build/ignore-rules.ts';
import { fc, SEED } from '../support/property.ts';
import { testWithTool } from '../support/software.ts';
import { tools } from '../support/tools/tools.ts';

/**
 * Which files of a context are hashed, compared with the Go code with which buildx chooses what it sends: random
 * contexts on disk and random ignore files. A file that is sent and not hashed would make a changed image look
 * unchanged.
 */
const test = testWithTool('docker-ignore');
jest.setTimeout(600_000);

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A random context: folders and files with these names, in bytes, one character each. */
function makeContext(names: readonly string[], seed: number): string {
  const root = mkdtempSync(`${tmpdir()}/ignore-rules-`);
  folders.push(root);
  const name = fc.constantFrom(...names);
  const paths = fc.sample(fc.array(name, { minLength: 1, maxLength: 4 }), { seed, numRuns: 90 });
  for (const parts of paths) {
    const parents = parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join('/'));
    try {
      for (const parent of parents) mkdirSync(locate(root, parent), { recursive: true });
      writeFileSync(locate(root, parts.join('/')), '', { flag: 'wx' });
    } catch {
      // One path is a file and another one uses it as a folder: the first one is kept.
    }
  }
  return root;
}

interface Case {
  root: string;
  ignore: Buffer;
}

interface Answer {
  /** Paths in bytes, one character each. */
  paths?: string[];
  refused?: string;
}

function askDocker(cases: readonly Case[], dialect: IgnoreDialect): Answer[] {
  const input = cases
    .map(({ root, ignore }) => JSON.stringify({ root, ignore: ignore.toString('base64'), dialect }))
    .join('\n');
  const { stdout, status, error } = spawnSync(tools['docker-ignore'](), {
    input: `${input}\n`,
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  if (status !== 0) throw error ?? new Error(`docker-ignore exited with ${status}`);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { paths, error: refused } = JSON.parse(line) as { paths: string[] | null; error?: string };
      if (refused !== undefined) return { refused };
      return { paths: (paths ?? []).map((path) => Buffer.from(path, 'base64').toString('latin1')) };
    });
}

function askOurs({ root, ignore }: Case, dialect: IgnoreDialect): Answer {
  try {
    const rules = new IgnoreRules({ file: '.dockerignore', content: ignore }, dialect);
    return { paths: contextEntries(root, rules).map(({ path }) => path) };
  } catch (error) {
    return { refused: (error as Error).message };
  }
}

interface Differences {
  /** Sent by Docker and not hashed. */
  stale: string[];
  /** Hashed and not sent by Docker. */
  more: string[];
  /** Refused by only one of them. */
  refusals: string[];
  refused: number;
}

function compare(cases: readonly Case[], dialect: IgnoreDialect): Differences {
  const differences: Differences = { stale: [], more: [], refusals: [], refused: 0 };
  const answers = askDocker(cases, dialect);
  expect(answers).toHaveLength(cases.length);
  for (const [index, given] of cases.entries()) {
    const docker = answers[index] ?? {};
    const ours = askOurs(given, dialect);
    const about = JSON.stringify(given.ignore.toString('latin1'));
    if (docker.refused !== undefined) differences.refused++;
    if ((docker.refused === undefined) !== (ours.refused === undefined)) {
      differences.refusals.push(
        `${about}: ${docker.refused ?? 'accepted'}, ours ${ours.refused ?? 'accepted'}`,
      );
      continue;
    }
    const sent = new Set(docker.paths);
    const hashed = new Set(ours.paths);
    const missing = [...sent].filter((path) => !hashed.has(path));
    const added = [...hashed].filter((path) => !sent.has(path));
    if (missing.length > 0) differences.stale.push(`${about}: ${JSON.stringify(missing)}`);
    if (added.length > 0) differences.more.push(`${about}: ${JSON.stringify(added)}`);
  }
  return differences;
}

const NAMES = [
  'a',
  'b',
  'ab',
  'lib',
  'src',
  'main.ts',
  'x.md',
  'node_modules',
  '.git',
  'test-1',
  'README.md',
  'x',
];

const plainName = fc.oneof(
  fc.constantFrom(...NAMES),
  fc.constantFrom(
    '*',
    '**',
    '*.md',
    '*.ts',
    'a*',
    '*b',
    '?',
    'x?md',
    '.*',
    '[ab]',
    '[!a]',
    'no*les',
    '**b',
    'a**',
  ),
);
const plainPattern = fc
  .record({
    prefix: fc.constantFrom('', '', '', '!', '!', '/', './', '! ', '!/', '**/', '!**/', '!**', '**'),
    parts: fc.array(plainName, { minLength: 1, maxLength: 3 }),
    suffix: fc.constantFrom('', '', '', '/', '/*', '/**', ' ', '\r', '/..', '**', '*'),
  })
  .map(({ prefix, parts, suffix }) => `${prefix}${parts.join('/')}${suffix}`);
const plainFile = fc
  .array(fc.oneof({ weight: 9, arbitrary: plainPattern }, fc.constantFrom('# comment', '', '*', '**')), {
    minLength: 1,
    maxLength: 6,
  })
  .map((lines) => Buffer.from(lines.join('\n')));

const ODD_NAMES = [
  ...[
    'a',
    'b',
    'A',
    'z',
    'E',
    'Q',
    'd',
    '0',
    '7',
    '-',
    '^a',
    'a^',
    '!a',
    '[',
    ']',
    '\\',
    ':',
    '$',
    'a+b',
    '(',
    '|',
    '{',
  ],
  ...['#a', ' a', 'a b', 'a\nb', 'a\tb', '.*', '**', '*/?', '+', '_', 'a-b', 'z$', '\\z', 'alpha'],
  ...['é', '😀', '\uFEFFa', '\uFFFD', '\u00a0a', 'éa'].map((name) => Buffer.from(name).toString('latin1')),
  ...['\xff', '\xe9', 'a\xff', '\xed\xa0\x80', '\xf0\x9f'],
].map((name) => name.replaceAll('/', ''));
const oddSign = fc.oneof(
  fc.constantFrom(...Array.from('abAzEQd07-^!:$+(){}|#_. \\\\[[]]**??//', (sign) => Buffer.from(sign))),
  fc
    .constantFrom(
      ...[
        '**',
        '**/',
        '/**',
        '[^',
        '[a-',
        '-z]',
        '[[:',
        ':]]',
        '[:alpha:]',
        '[:^digit:]',
        '\\d',
        '\\W',
        '\\pL',
        '\\PN',
        '\\Q',
        '\\E',
      ],
      ...[
        '\\z',
        '\\A',
        '\\b',
        '\\x41',
        '\\060',
        '\\1',
        '[\\]',
        '\uFEFF',
        'é',
        '😀',
        '\u00a0',
        '\u0085',
        '\t',
        '\r',
        '\0',
        '..',
        '[a]',
        '[^a]',
        '{2}',
        '{1,3}',
        '{2,}',
        '{3,1}',
        'a{0}',
        '\\p{Lu}',
        '\\P{^greek}',
        '\\p{',
      ],
    )
    .map((text) => Buffer.from(text)),
  fc.constantFrom('\xff', '\xe9', '\xed\xa0\x80').map((bytes) => Buffer.from(bytes, 'latin1')),
);
const oddFile = fc
  .array(
    fc
      .tuple(
        fc.constantFrom('', '', '!', '/', '\uFEFF', '*', '**'),
        fc.array(oddSign, { minLength: 1, maxLength: 7 }),
      )
      .map(([prefix, signs]) => Buffer.concat([Buffer.from(prefix), ...signs])),
    { minLength: 1, maxLength: 4 },
  )
  .map((lines) => Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')])));

function makeCases(names: readonly string[], files: fc.Arbitrary<Buffer>, count: number): Case[] {
  const contexts = Array.from({ length: 8 }, (_, index) => makeContext(names, SEED + index));
  return fc.sample(files, { seed: SEED, numRuns: count }).map((ignore, index) => ({
    root: contexts[index % contexts.length] ?? '',
    ignore,
  }));
}

const COUNT = 4000;

describe.each([
  ['plain', NAMES, plainFile],
  ['exotic', ODD_NAMES, oddFile],
] as const)('%s ignore files', (kind, names, files) => {
  test('buildx sends exactly the hashed files', () => {
    const cases = makeCases(names, files, COUNT);
    const { stale, more, refusals, refused } = compare(cases, 'buildx');
    console.log(
      `${kind}, seed ${SEED}: ${cases.length} ignore files, ${refused} refused by Docker, ${stale.length} stale, ` +
        `${more.length} with more hashed than sent, ${refusals.length} refused by one alone`,
    );
    expect({ stale, refusals }).toEqual({ stale: [], refusals: [] });
    expect(more.slice(Math.floor(cases.length / 1000))).toEqual([]);
  });

  test("docker's own client before version 23 sends only hashed files", () => {
    const cases = makeCases(names, files, COUNT);
    const { stale, more } = compare(cases, 'docker-20');
    console.log(
      `${kind}, seed ${SEED}, docker 20: ${cases.length} ignore files, ${stale.length} stale, ${more.length} with more`,
    );
    expect(stale).toEqual([]);
  });
});
