import { readdirSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { InputContract } from '../../src/core/inputs/contract.ts';

/** Inputs for which zero means not to wait, or not to monitor. */
const MAY_BE_NOTHING = ['lock-timeout', 'monitoring-time', 'soak', 'soak-wait'];

test.each(readdirSync('actions'))('%s refuses impossible durations', async (action) => {
  const path = `../../actions/${action}/contract.ts`;
  const { contract } = (await import(path)) as { contract: { inputs: InputContract } };
  for (const [name, input] of Object.entries(contract.inputs)) {
    if (input.kind !== 'duration') continue;
    const refused = MAY_BE_NOTHING.includes(name) ? ['100000h'] : ['0s', '100000h'];
    for (const value of refused) {
      expect(() => input.parse(name, value)).toThrow(/expected a duration from \d+s to \d+h, got ".*"$/);
    }
  }
});
