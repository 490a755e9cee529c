import { secretText, text, type InputContract } from '../../src/core/inputs/contract.ts';
import type { OutputContract } from '../../src/core/outputs/write.ts';
import { SUPERSEDE_VERDICTS } from '../../src/github/supersede.ts';

const inputs = {
  environment: text({ type: 'name', required: true }),
  'github-token': secretText(),
  notify: secretText(),
  reason: text(),
} as const satisfies InputContract;

const outputs = {
  verdict: {},
  reason: {},
  message: {},
  result: {},
  'result-file': {},
  runs: {},
} as const satisfies OutputContract;

/** The same names as in action.yml; a test compares them. */
export const contract = { inputs, outputs, verdicts: SUPERSEDE_VERDICTS };
