import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { inParallel } from '../../src/core/concurrency.ts';
import { type Stand, stand } from './stand.ts';

/**
 * Templates in the style of published ones, each with a feature that some parser or emulator does not support
 * correctly.
 */
const FOLDER = new URL('../corpus/', import.meta.url);
const FILES = readdirSync(FOLDER).filter((file) => /\.(yml|json)$/.test(file));
const NESTED = readFileSync(new URL('nested/child.yml', FOLDER), 'utf8');
const AT_ONCE = 8;

let at: Stand;
beforeAll(async () => {
  at = await stand({
    zones: [{ account: '111111111111', id: 'Z0123456789ABCDEFGHIJ', name: 'example.com' }],
  });
  const objects = at.sandbox.objects('111111111111');
  objects.createBucket('templates');
  objects.put('templates', 'child.yml', Buffer.from(NESTED));
});
afterAll(async () => {
  await at.close();
});

/** The verdicts in the life of a template, up to the first unexpected one. */
async function life(file: string): Promise<string> {
  const text = readFileSync(new URL(file, FOLDER), 'utf8');
  const common = {
    stackName: file.replace(/\.\w+$/, ''),
    template: file,
    capabilities: ['CAPABILITY_NAMED_IAM', 'CAPABILITY_AUTO_EXPAND'],
    allowDelete: [...(text + NESTED).matchAll(/\w+::[\w:]+/g)].map(([type]) => type),
  };
  const steps = [
    ['plan', 'planned'],
    ['deploy', 'created'],
    ['deploy', 'unchanged'],
    ['drift', 'in-sync'],
    ['delete', 'deleted'],
  ] as const;
  for (const [command, wanted] of steps) {
    const { verdict, reason } = await at.run(text, { ...common, command });
    if (verdict !== wanted) return `${command}: ${verdict}: ${reason}`;
  }
  return 'right';
}

test('every template is planned, created, unchanged, in sync and deleted', async () => {
  const wrong: Record<string, string> = {};
  await inParallel(FILES, AT_ONCE, async (file) => {
    const end = await life(file);
    if (end !== 'right') wrong[file] = end;
  });
  expect(wrong).toEqual({});
  console.log(`${FILES.length} of ${FILES.length} templates: planned, created, unchanged, in sync, deleted`);
});
