import { boolean, duration, secretText, text, type InputContract } from '../../src/core/inputs/contract.ts';
import type { OutputContract } from '../../src/core/outputs/write.ts';
import { REHEARSAL_VERDICTS } from '../../src/rehearse/result.ts';

const inputs = {
  environment: text({ type: 'name', required: true }),
  manifest: text({ type: 'path', default: 'platform.yml' }),
  base: text({ type: 'commit, branch or tag' }),
  scenario: text({ type: 'path' }),
  timeout: duration({ default: '5m', max: '1h' }),
  'github-token': secretText(),
  comment: boolean({ default: 'true' }),
} as const satisfies InputContract;

const outputs = {
  verdict: {},
  reason: {},
  message: {},
  result: {},
  'result-file': {},
} as const satisfies OutputContract;

/** The same names as in action.yml; a test compares them. */
export const contract = { inputs, outputs, verdicts: REHEARSAL_VERDICTS };
