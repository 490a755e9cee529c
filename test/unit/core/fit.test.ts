import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { fitList, fitMap, fitObject, fitText, jsonBytes } from '../../../src/core/outputs/fit.ts';
import { fc } from '../../support/property.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 60 });
const entry = fc.record(
  { name: text, ok: fc.boolean(), reason: text, after: fc.array(text, { maxLength: 3 }), n: fc.integer() },
  { requiredKeys: ['name'] },
);
const change = fc.record({ logicalId: text, action: fc.constantFrom('add', 'modify', 'remove') });
const common = { version: 1, action: 'deploy-environment', verdict: 'failed', ok: false, reason: 'bad' };
const result = fc
  .record({
    parts: fc.array(entry, { maxLength: 60, size: 'max' }),
    notes: fc.array(text, { maxLength: 40 }),
    drift: fc.record({
      resources: fc.array(change, { maxLength: 40, size: 'max' }),
      unchecked: fc.array(text),
    }),
    durationSeconds: fc.nat(),
  })
  .map((own) => ({ ...common, ...own }));

interface Entry {
  ok?: boolean;
}

const isFailure = (one: unknown): boolean => (one as Entry).ok === false;

/** Whether `some` is a subsequence of `all`. */
function isSubsequence(some: readonly unknown[], all: readonly unknown[]): boolean {
  const texts = all.map((one) => JSON.stringify(one));
  let from = 0;
  return some.every((one) => {
    const at = texts.indexOf(JSON.stringify(one), from);
    from = at + 1;
    return at >= 0;
  });
}

function difference<T>(all: readonly T[], some: readonly T[]): T[] {
  const left = some.map((one) => JSON.stringify(one));
  return all.filter((one) => {
    const at = left.indexOf(JSON.stringify(one));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** Whether Linux starts a process with an environment variable of this many bytes. */
function startsWith(bytes: number): boolean {
  const { error } = spawnSync(process.execPath, ['--version'], { env: { RESULT: 'x'.repeat(bytes) } });
  if (error && (error as NodeJS.ErrnoException).code !== 'E2BIG') throw error;
  return error === undefined;
}

(process.platform === 'linux' ? test : test.skip)('an output fits an environment variable', () => {
  // 32 pages, including the name, the equals sign and the terminating zero.
  const most = 131_072 - 'RESULT='.length - 1;
  expect([100_000, most, most + 1].map(startsWith)).toEqual([true, true, false]);
});

describe('fitObject', () => {
  test('any result fits, with whole entries in order, failures first', () => {
    let cut = 0;
    const cases = 300;
    fc.assert(
      fc.property(result, fc.integer({ min: 1000, max: 8000 }), (whole, limit) => {
        const { value, omitted } = fitObject(whole, limit, Object.keys(common));
        expect(jsonBytes(value)).toBeLessThanOrEqual(limit);
        const fitted = JSON.parse(JSON.stringify(value)) as typeof whole;
        expect(fitted).toMatchObject(common);
        const lists = [
          [fitted.parts, whole.parts],
          [fitted.notes, whole.notes],
          [fitted.drift.resources, whole.drift.resources],
          [fitted.drift.unchecked, whole.drift.unchecked],
        ] as const;
        expect(lists.every(([some, all]) => isSubsequence(some, all))).toBe(true);
        const missing = lists.reduce((sum, [some, all]) => sum + all.length - some.length, 0);
        expect(omitted).toBe(missing);
        if (jsonBytes(whole) <= limit) expect(fitted).toEqual(whole);
        else cut++;
        const lost = difference(whole.parts, fitted.parts).filter(isFailure).map(jsonBytes);
        const others = fitted.parts.filter((one) => !isFailure(one)).map(jsonBytes);
        // A failure is omitted only if it is longer than everything that is kept instead.
        expect(Math.min(...lost)).toBeGreaterThan(Math.max(0, ...(lost.length > 0 ? others : [])));
      }),
      { numRuns: cases },
    );
    console.log(`${cases} results tried, ${cut} of them cut`);
    expect(cut).toBeGreaterThan(50);
  });

  test('an entry that is too long is truncated by its own entries', () => {
    const long = {
      name: 'a',
      ok: false,
      changes: Array.from({ length: 1000 }, (_, index) => `change ${index}`),
    };
    const { value } = fitObject({ ...common, parts: [{ name: 'b' }, long] }, 2000, ['version']);
    const { parts } = value as { parts: { name: string; changes?: string[] }[] };
    expect(jsonBytes(value)).toBeLessThanOrEqual(2000);
    expect(parts.map(({ name }) => name)).toEqual(['b', 'a']);
    expect(parts[1]?.changes?.[0]).toBe('change 0');
  });

  test('long texts are truncated, then the largest fields omitted; common fields are kept', () => {
    const reason = 'é'.repeat(200_000);
    const texts = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`field${index}`, reason]));
    const { value, omitted } = fitObject({ ...common, reason, ...texts }, 100_000, Object.keys(common));
    expect(jsonBytes(value)).toBeLessThanOrEqual(100_000);
    expect(value).toMatchObject({ ...common, reason: expect.stringMatching(/^é+…$/) });
    expect(omitted).toBeGreaterThan(100);
  });
});

test('a list keeps deletions and replacements before other changes', () => {
  const changes = Array.from({ length: 3000 }, (_, index) => ({
    logicalId: `Resource${index}`,
    action: index === 2999 ? 'remove' : 'modify',
    replacement: index === 2998 ? 'yes' : 'no',
  }));
  const { value, omitted } = fitList(changes, 10_000);
  expect(jsonBytes(value)).toBeLessThanOrEqual(10_000);
  expect(value.slice(-2)).toEqual(changes.slice(-2));
  expect(value.slice(0, 2)).toEqual(changes.slice(0, 2));
  expect(omitted).toBe(3000 - value.length);
});

test('a map keeps whole entries', () => {
  fc.assert(
    fc.property(
      fc.dictionary(text, text, { maxKeys: 100 }),
      fc.integer({ min: 2, max: 5000 }),
      (whole, limit) => {
        const { value, omitted } = fitMap(whole, limit);
        expect(jsonBytes(value)).toBeLessThanOrEqual(limit);
        expect(whole).toMatchObject(value);
        expect(Object.keys(value).length + omitted).toBe(Object.keys(whole).length);
      },
    ),
    { numRuns: 200 },
  );
});

test('a text is truncated between characters', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.integer({ min: 3, max: 300 }),
      (whole, limit) => {
        const cut = fitText(whole, limit);
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(limit);
        if (cut !== whole) expect(whole.startsWith(cut.slice(0, -1))).toBe(true);
      },
    ),
    { numRuns: 500 },
  );
});
