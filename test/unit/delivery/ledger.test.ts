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
import { UNKNOWN_SOURCE } from '../../../src/delivery/source.ts';
import { contextOf } from '../images/registry/context.ts';
import { sandboxOf, ssmOf } from '../sandbox/clients.ts';

const names = ledgerNames({ project: 'platform', environment: 'dev', service: 'user-service' });

function releaseOf(digit: string, fields: Partial<Release> = {}): Release {
  return {
    repository: 'org/platform',
    workflow: '.github/workflows/pipeline.yml',
    ref: 'refs/heads/main',
    runNumber: 7,
    attempt: 1,
    sequence: 1,
    proven: true,
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
    expect(() => ledgerNamesOf(parameter)).toThrow(/^parameter: expected the name/);
  },
);

describe('a ledger', () => {
  test('is empty at first, then has what was written', async () => {
    const context = await ledger();
    expect(await readRelease(context, names)).toBeUndefined();
    expect(await releaseHistory(context, names)).toEqual([]);
    await recordRelease(context, names, releaseOf('a', { from: 'dev' }));
    expect(await readRelease(context, names)).toEqual(releaseOf('a', { from: 'dev' }));
  });

  test('lists releases, newest first, including a repeated image', async () => {
    const context = await ledger();
    const all = [
      releaseOf('a', { run: 'first' }),
      releaseOf('b', { sequence: 2 }),
      releaseOf('a', { run: 'third', sequence: 3 }),
      releaseOf('c', { sequence: 4 }),
    ];
    for (const release of all) await recordRelease(context, names, release);
    expect(await releaseHistory(context, names)).toEqual(all.toReversed());
  });

  test('keeps one version if the same image is written again', async () => {
    const context = await ledger();
    await recordRelease(context, names, releaseOf('a', { run: 'first' }));
    await recordRelease(context, names, releaseOf('a', { run: 'again' }));
    expect(await versionsOf(context, names.image)).toBe(1);
    expect(await readRelease(context, names)).toMatchObject({ run: 'again' });
    expect(await releaseHistory(context, names)).toEqual([
      releaseOf('a', { run: 'again', sequence: 2 }),
      releaseOf('a', { run: 'first', sequence: 1 }),
    ]);
  });

  test('reads an image written by a template or manually', async () => {
    const context = await ledger();
    await recordRelease(context, names, releaseOf('a'));
    const { image } = releaseOf('b');
    const client = await context.ssm();
    await client.send(new PutParameterCommand({ Name: names.image, Value: image, Overwrite: true }));
    const unknown = {
      ...UNKNOWN_SOURCE,
      image,
      sequence: 0,
      proven: false,
      run: '',
      actor: '',
      at: '',
      from: '',
    };
    expect(await readRelease(context, names)).toEqual(unknown);
    expect(await releaseHistory(context, names)).toEqual([unknown, releaseOf('a')]);
  });

  test('counts releases, also after a manually written image', async () => {
    const context = await ledger();
    for (const digit of ['a', 'b']) await recordRelease(context, names, releaseOf(digit));
    const client = await context.ssm();
    const { image } = releaseOf('c');
    await client.send(new PutParameterCommand({ Name: names.image, Value: image, Overwrite: true }));
    expect(await readRelease(context, names)).toMatchObject({ image, sequence: 0 });
    expect(await recordRelease(context, names, releaseOf('d'))).toMatchObject({ sequence: 3 });
  });

  test('keeps all fields of a release', async () => {
    const context = await ledger();
    const release = releaseOf('a', {
      proven: false,
      allowOlder: true,
      bypass: 'Hotfix',
      preDeploy: 'pending',
      taskDefinition: 'user-service:3',
      rolledBackFrom: releaseOf('b').image,
    });
    await recordRelease(context, names, release);
    const givenUp = { images: [releaseOf('b').image] };
    expect(await readRelease(context, names)).toEqual({ ...release, givenUp });
  });

  test('reads the record of an older version', async () => {
    const context = await ledger();
    const { image, commit, run, actor, at, from } = releaseOf('a');
    const client = await context.ssm();
    const put = (Name: string, Value: string) =>
      client.send(new PutParameterCommand({ Name, Value, Type: 'String', Overwrite: true }));
    await put(names.image, image);
    await put(names.release, JSON.stringify({ image, commit, run, actor, at, from, runNumber: '7' }));
    const old = { ...UNKNOWN_SOURCE, image, commit, sequence: 0, proven: true, run, actor, at, from };
    expect(await readRelease(context, names)).toEqual(old);
    expect(await recordRelease(context, names, releaseOf('b'))).toMatchObject({ sequence: 1 });
  });

  test('ignores an invalid record', async () => {
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
