import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withSecretFiles } from '../src/secret-files.ts';

let folder: string;
const file = async (name: string, text: string) => {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'services-secrets-'));
});
afterAll(() => rm(folder, { recursive: true }));

test.each([
  ['DB_PASSWORD', 'p@ss/w:rd', 'p@ss/w:rd'],
  ['DB_PASSWORD', 'p@ss\n', 'p@ss'],
  ['DB_PASSWORD', 'p@ss\r\n', 'p@ss'],
  ['DB_PASSWORD', 'two\n\n', 'two\n'],
  ['DB_SECRET', '{"username":"a","password":"b"}', '{"username":"a","password":"b"}'],
  ['SERVICE_TOKEN', ' token ', ' token '],
  ['CACHE_PASSWORD', 'p', 'p'],
])('%s from a file with %j is %j', async (name, text, secret) => {
  const env = { [`${name}_FILE`]: await file(name, text), OTHER: 'stays' };
  expect(await withSecretFiles(env)).toEqual({ ...env, [name]: secret });
});

test('without files nothing is read', async () => {
  const env = { DB_PASSWORD: 'p', DB_SECRET_FILE: '' };
  expect(await withSecretFiles(env)).toEqual(env);
});

test.each([
  [{ DB_PASSWORD_FILE: '/no/such' }, 'DB_PASSWORD_FILE: cannot read "/no/such": ENOENT'],
  [{ DB_PASSWORD_FILE: '/tmp' }, 'DB_PASSWORD_FILE: cannot read "/tmp": EISDIR'],
  [
    { DB_PASSWORD_FILE: '/no/such', DB_PASSWORD: 'hidden' },
    'DB_PASSWORD: expected either DB_PASSWORD or DB_PASSWORD_FILE, got both',
  ],
])('the error for %j has the variable’s name, but not the secret', async (env, message) => {
  const read = withSecretFiles(env).then(
    () => 'read',
    (error: unknown) => (error as Error).message,
  );
  expect(await read).toContain(message);
  expect(await read).not.toContain('hidden');
});

test('an empty file is refused', async () => {
  const path = await file('empty', '\n');
  await expect(withSecretFiles({ SERVICE_TOKEN_FILE: path })).rejects.toThrow(`"${path}" is empty`);
});
