import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { writeOutputs } from '../../../src/core/outputs/write.ts';
import { actionsRunner as runner } from '../../../src/core/runner.ts';
import { recordingLog } from './fakes.ts';
import { fc } from '../../support/property.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'outputs-'));
  file = join(directory, 'output');
  writeFileSync(file, '');
  process.env['GITHUB_OUTPUT'] = file;
});
afterEach(() => {
  delete process.env['GITHUB_OUTPUT'];
  rmSync(directory, { recursive: true });
});

/** Reads the file like the runner: name, delimiter, lines up to the delimiter. */
function readOutputs(): Record<string, string> {
  const values: Record<string, string> = {};
  const lines = readFileSync(file, 'utf8').split('\n');
  for (let index = 0; index < lines.length - 1; index++) {
    const [name = '', delimiter = ''] = lines[index]!.split('<<');
    const end = lines.indexOf(delimiter, index + 1);
    values[name] = lines.slice(index + 1, end).join('\n');
    index = end;
  }
  return values;
}

const contract = { verdict: {}, 'stack-name': {} };

describe('writeOutputs', () => {
  test('any value is preserved', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) => {
        writeFileSync(file, '');
        writeOutputs(
          contract,
          { verdict: value, 'stack-name': 'after' },
          { env: process.env, runner },
          recordingLog(),
        );
        expect(readOutputs()).toEqual({ verdict: value, 'stack-name': 'after' });
      }),
      { numRuns: 50 },
    );
  });

  test('values cannot forge another output', () => {
    const forged = 'x\noutput_1\nstack-name<<E\nevil\nE\n';
    writeOutputs(contract, { verdict: forged }, { env: process.env, runner }, recordingLog());
    expect(readOutputs()).toEqual({ verdict: forged });
  });

  test('a value with a secret is omitted and named', () => {
    const { log, lines, redactor } = recordingLog();
    redactor.add('111111111111');
    const values = { verdict: 'updated', 'stack-name': 'arn:aws:x:111111111111:y' };
    writeOutputs(contract, values, { env: process.env, runner }, { log, redactor });
    expect(readOutputs()).toEqual({ verdict: 'updated' });
    expect(lines).toEqual(['::warning::The output stack-name is omitted: its value contains a secret.']);
  });

  test('stack outputs have names that a workflow can reference', () => {
    const { log, lines, redactor } = recordingLog();
    const values = { VpcId: 'vpc-1', 'a\nb': 'x', 'a=b': 'x', 'a<<b': 'x', '': 'x' };
    writeOutputs(contract, values, { env: process.env, runner }, { log, redactor });
    expect(readOutputs()).toEqual({ VpcId: 'vpc-1' });
    expect(lines).toHaveLength(4);
    expect(lines[0]).toContain('"a\\nb" is omitted'.replace('\\n', '\\n'));
  });

  test('without a runner, nothing is written', () => {
    const { log, lines, redactor } = recordingLog();
    writeOutputs(contract, { verdict: 'updated' }, { env: {}, runner }, { log, redactor });
    expect(lines).toEqual(['::debug::GITHUB_OUTPUT is not set: no outputs are written']);
  });

  test("outputs beyond the job's limit are omitted and named, declared ones last", () => {
    const { log, lines, redactor } = recordingLog();
    const long = 'x'.repeat(300_000);
    const values = { First: long, Second: long, verdict: 'created', 'stack-name': long };
    writeOutputs(contract, values, { env: process.env, runner }, { log, redactor });
    expect(Object.keys(readOutputs())).toEqual(['verdict', 'stack-name']);
    expect(lines).toEqual(
      ['First', 'Second'].map(
        (name) =>
          `::warning::The output ${name} is omitted: with its 300000 characters, the outputs of this step would exceed GitHub's limit of 1 MB.`,
      ),
    );
  });
});
