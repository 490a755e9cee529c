import { boolean, choice, duration, list, map, secretText, text } from '../../src/core/inputs/contract.ts';
import type { InputContract } from '../../src/core/inputs/contract.ts';
import { PROMOTION_VERDICTS } from '../../src/delivery/promotion/result.ts';
import type { OutputContract } from '../../src/core/outputs/write.ts';

const inputs = {
  command: choice(['promote', 'check', 'rollback', 'hold', 'release-hold', 'status'], { default: 'promote' }),
  manifest: text({ type: 'path', default: 'platform.yml' }),
  to: text({ type: 'name' }),
  from: text({ type: 'name' }),
  services: list(),
  images: map(),
  'up-to': map(),
  steps: text({ type: 'integer' }),
  'source-role': text({ type: 'ARN' }),
  'target-role': text({ type: 'ARN' }),
  roles: map(),
  soak: duration({ min: '0s', max: '720h' }),
  'soak-wait': duration({ default: '0s', min: '0s', max: '5h' }),
  require: list({ default: 'steady,alarms' }),
  'allow-older': boolean({ default: 'false' }),
  'bypass-reason': text(),
  reason: text(),
  'dry-run': boolean({ default: 'false' }),
  'lock-timeout': duration({ default: '10m', min: '0s' }),
  timeout: duration({ default: '20m' }),
  'aws-region': text({ type: 'region' }),
  'github-deployment': boolean({ default: 'true' }),
  'github-token': secretText(),
  'approvers-token': secretText(),
  notify: secretText(),
} as const satisfies InputContract;

const outputs = {
  verdict: {},
  reason: {},
  message: {},
  result: {},
  'result-file': {},
  images: { whole: true },
  'has-changes': {},
  promoted: {},
  skipped: {},
  from: {},
  to: {},
  'awaits-approval': {},
  url: {},
} as const satisfies OutputContract;

/** The names must match action.yml; a test checks that. */
export const contract = { inputs, outputs, verdicts: PROMOTION_VERDICTS };
