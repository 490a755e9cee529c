import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import { checkLedger } from '../../sandbox/ledger-schema.ts';
import { parameterWrites } from '../../sandbox/server/open-logs.ts';
import { useSandboxes } from '../support/action.ts';
import { ssmOf } from '../unit/sandbox/clients.ts';

const newSandbox = useSandboxes();
const IMAGE = `111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/api@sha256:${'1'.repeat(64)}`;
const LOCK = { token: 'a', who: 'octocat', run: 'https://runs/1', since: 1, expires: 2 };

const check = (name: string, value: unknown) => async (): Promise<void> => {
  const sandbox = await newSandbox();
  const written = parameterWrites(sandbox.url);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  await ssmOf(sandbox).send(new PutParameterCommand({ Name: name, Type: 'String', Value: text }));
  checkLedger(written());
};

test('every record of the ledger has a schema, and there is no other', () => {
  expect(readdirSync(resolve(import.meta.dirname, '../../schemas/ledger')).toSorted()).toEqual([
    'environment.json',
    'hold.json',
    'lock-stop.json',
    'lock.json',
    'release.json',
  ]);
});

test.each<[string, string, unknown]>([
  ['a release of an earlier version, which has only its image', '/shop/dev/api/release', { image: IMAGE }],
  ['a release at another depth', '/teams/shop/dev/api/release', { image: IMAGE, sequence: 3, proven: false }],
  ['a run on an environment', '/shop/dev/release', { sequence: 1, runNumber: 7, commit: 'a'.repeat(40) }],
  ['a hold', '/shop/dev/hold', { reason: 'Orders fail' }],
  ['a hold written by a person', '/shop/dev/hold', 'Orders fail'],
  ['a lock', '/shop/dev/lock', LOCK],
  ['a lock that was taken over', '/shop/dev/lock', { ...LOCK, over: { version: 1, token: 'b' } }],
  ['a request to stop', '/shop/dev/lock-stop', { token: 'a', who: 'eve', run: '', reason: 'Orders fail' }],
  ['another parameter', '/shop/dev/api/settings', { surprise: true }],
])('%s is valid', async (_what, name, value) => {
  await expect(check(name, value)()).resolves.toBeUndefined();
});

test.each<[string, string, object, string]>([
  ['an unknown field of a release', '/shop/dev/api/release', { image: IMAGE, surprise: 1 }, 'release'],
  ['a wrong type', '/shop/dev/api/release', { image: IMAGE, sequence: '3' }, 'release'],
  ['an unknown field of a run', '/shop/dev/release', { sequence: 1, surprise: 1 }, 'environment'],
  ['a hold without a reason', '/shop/dev/hold', { actor: 'eve' }, 'hold'],
  ['a lock without a token', '/shop/dev/lock', { ...LOCK, token: undefined }, 'lock'],
  ['a request without a reason', '/shop/dev/lock-stop', { token: 'a', who: '', run: '' }, 'lock-stop'],
])('%s is refused', async (_what, name, value, schema) => {
  await expect(check(name, value)()).rejects.toThrow(`${name} does not match schemas/ledger/${schema}.json`);
});
