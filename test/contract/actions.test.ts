import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import type { InputContract } from '../../src/core/inputs/contract.ts';
import type { OutputContract } from '../../src/core/outputs/write.ts';

interface ActionDefinition {
  inputs: Record<string, { description?: string; default?: string; required?: boolean }>;
  outputs: Record<string, { description?: string }>;
  runs: { using: string; main: string };
}

interface Contract {
  inputs: InputContract;
  outputs: OutputContract;
  verdicts: Record<string, { ok: boolean }>;
}

const root = resolve(import.meta.dirname, '../..');
const names = readdirSync(join(root, 'actions'));

describe.each(names)('%s', (name) => {
  const folder = join(root, 'actions', name);
  const action = parse(readFileSync(join(folder, 'action.yml'), 'utf8')) as ActionDefinition;
  const contract = async (): Promise<Contract> =>
    ((await import(join(folder, 'contract.ts'))) as { contract: Contract }).contract;

  test('runs on node24, from a committed bundle', () => {
    expect(action.runs.using).toBe('node24');
    expect(existsSync(resolve(dirname(join(folder, 'action.yml')), action.runs.main))).toBe(true);
  });

  test('action.yml and the code declare the same inputs, defaults and required inputs', async () => {
    const declared = Object.fromEntries(
      Object.entries(action.inputs).map(([key, input]) => [
        key,
        {
          required: input.required === true,
          default: input.default?.includes('${{') ? undefined : input.default,
        },
      ]),
    );
    const known = Object.fromEntries(
      Object.entries((await contract()).inputs).map(([key, input]) => [
        key,
        { required: input.required && input.env === undefined, default: input.default },
      ]),
    );
    expect(known).toEqual(declared);
  });

  test('action.yml and the code declare the same outputs', async () => {
    expect(Object.keys((await contract()).outputs).sort()).toEqual(Object.keys(action.outputs).sort());
  });

  test('every input and output is kebab-case and described', () => {
    for (const [key, value] of [...Object.entries(action.inputs), ...Object.entries(action.outputs)]) {
      expect(key).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect({ key, described: (value.description ?? '').trim().length > 0 }).toEqual({
        key,
        described: true,
      });
    }
  });

  test('the verdict output lists every verdict', async () => {
    const described = action.outputs['verdict']?.description ?? '';
    const listed = described.replace(/\.$/, '').split(/, | or /);
    expect(listed.sort()).toEqual(Object.keys((await contract()).verdicts).sort());
  });

  test("the page's table lists every verdict", async () => {
    const page = readFileSync(join(folder, 'README.md'), 'utf8');
    for (const [verdict, { ok }] of Object.entries((await contract()).verdicts)) {
      const row = page.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${verdict}\``));
      expect({
        verdict,
        colour: row?.includes('| green') ? 'green' : row?.includes('| red') ? 'red' : 'none',
      }).toEqual({ verdict, colour: ok ? 'green' : 'red' });
    }
  });
});
