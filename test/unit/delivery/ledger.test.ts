import { GetParameterHistoryCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { describe, expect, test } from '@jest/globals';
import {
  ledgerNames,
  ledgerNamesOf,
  readRelease,
  recordRelease,
  releaseHistory,
} from '../../../src/delivery/ledger.ts';
import type { LedgerContext, Release } from '../../../src/delivery/ledger.ts';
import { contextOf } from '../images/registry/context.ts';
import { sandboxOf, ssmOf } from '../sandbox/clients.ts';

const names = ledgerNames({ project: 'platform', environment: 'dev', service: 'user-service' });

function releaseOf(digit: string, fields: Partial<Release> = {}): Release {
  return {
    image: `111111111111.dkr.ecr.eu-west-1.amazonaws.com/user-service@sha256:${digit.repeat(64)}`,
    commit: digit.repeat(40),
    run: 'https://github.example/org/platform/actions/runs/1',
    actor: 'octocat',
    at: '2026-11-25T10:00:00.000Z',
    from: '',
    ...fields,
  };
}

async function ledger(): Promise<LedgerContext> {
  const client = ssmOf(await sandboxOf());
  return { ...contextOf(), ssm: () => Promise.resolve(client) };
}

async function versionsOf(context: LedgerContext, name: string): Promise<number> {
  const client = await context.ssm();
  const { Parameters = [] } = await client.send(new GetParameterHistoryCommand({ Name: name }));
  return Parameters.length;
}

test('the names are those that the templates read', () => {
  expect(names).toEqual({
    image: '/platform/dev/user-service/image',
    release: '/platform/dev/user-service/release',
  });
  expect(ledgerNamesOf('/platform/dev/user-service/image')).toEqual(names);
});

test.each(['image', '/image', 'platform/dev/image', '/platform/dev/user-service', '/a b/image'])(
  'parameter %j is refused',
  (parameter) => {
    expect(() => ledgerNamesOf(parameter)).toThrow(/^parameter: .* is not valid: expected the name/);
  },
);

describe('a ledger', () => {
  test('has nothing at first, then what was written', async () => {
    const context = await ledger();
    expect(await readRelease(context, names)).toBeUndefined();
    expect(await releaseHistory(context, names)).toEqual([]);
    await recordRelease(context, names, releaseOf('a', { from: 'dev' }));
    expect(await readRelease(context, names)).toEqual(releaseOf('a', { from: 'dev' }));
  });

  test('lists releases, the newest first, also an image that came back', async () => {
    const context = await ledger();
    const all = [
      releaseOf('a', { run: 'first' }),
      releaseOf('b'),
      releaseOf('a', { run: 'third' }),
      releaseOf('c'),
    ];
    for (const release of all) await recordRelease(context, names, release);
    expect(await releaseHistory(context, names)).toEqual(all.toReversed());
  });

  test('that is told the same image again keeps one version of it', async () => {
    const context = await ledger();
    await recordRelease(context, names, releaseOf('a', { run: 'first' }));
    await recordRelease(context, names, releaseOf('a', { run: 'again' }));
    expect(await versionsOf(context, names.image)).toBe(1);
    expect(await readRelease(context, names)).toMatchObject({ run: 'again' });
    expect(await releaseHistory(context, names)).toEqual([releaseOf('a', { run: 'again' })]);
  });

  test('knows the image that a template, or somebody by hand, has written', async () => {
    const context = await ledger();
    await recordRelease(context, names, releaseOf('a'));
    const { image } = releaseOf('b');
    const client = await context.ssm();
    await client.send(new PutParameterCommand({ Name: names.image, Value: image, Overwrite: true }));
    const unknown = { image, commit: '', run: '', actor: '', at: '', from: '' };
    expect(await readRelease(context, names)).toEqual(unknown);
    expect(await releaseHistory(context, names)).toEqual([unknown, releaseOf('a')]);
  });

  test('bears a record that is no release', async () => {
    const context = await ledger();
    await recordRelease(context, names, releaseOf('a'));
    const client = await context.ssm();
    for (const Value of ['{', '[]', 'null', '{"image": 1}']) {
      await client.send(new PutParameterCommand({ Name: names.release, Value, Overwrite: true }));
      expect(await readRelease(context, names)).toMatchObject({ image: releaseOf('a').image, run: '' });
    }
    expect(await releaseHistory(context, names)).toEqual([releaseOf('a')]);
  });

  test('is read through all pages of its history', async () => {
    const context = await ledger();
    const digits = Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? 'a' : 'b'));
    for (const digit of digits) await recordRelease(context, names, releaseOf(digit));
    expect(await releaseHistory(context, names)).toHaveLength(60);
  });
});
