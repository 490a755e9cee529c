import { ENVIRONMENT_VERDICTS } from '../../src/environment/run/result.ts';
import {
  boolean,
  choice,
  duration,
  list,
  map,
  secretText,
  text,
  type InputContract,
} from '../../src/core/inputs/contract.ts';
import type { OutputContract } from '../../src/core/outputs/write.ts';

const inputs = {
  command: choice(['deploy', 'plan', 'apply', 'destroy', 'status', 'doctor', 'build', 'drift'], {
    default: 'deploy',
  }),
  environment: text({ type: 'name', required: true }),
  manifest: text({ type: 'path', default: 'platform.yml' }),
  stacks: list(),
  services: list(),
  images: map(),
  'build-args': map(),
  'build-secrets': { ...map(), secret: true },
  'max-builds': text({ type: 'integer' }),
  since: text({ type: 'commit SHA' }),
  plan: text({ type: 'JSON' }),
  fingerprint: text(),
  'allow-replace': list(),
  'allow-delete': list(),
  'allow-traffic-reset': list(),
  'allow-older': boolean({ default: 'false' }),
  'bypass-reason': text(),
  confirm: text({ type: 'name' }),
  commit: text({ type: 'commit SHA' }),
  scan: choice(['off', 'critical', 'high', 'medium', 'low'], { default: 'off' }),
  issue: boolean({ default: 'false' }),
  'fail-fast': boolean({ default: 'true' }),
  'lock-timeout': duration({ default: '10m', min: '0s' }),
  timeout: duration({ default: '2h' }),
  'role-to-assume': text({ type: 'ARN' }),
  'github-token': secretText(),
  'approvers-token': secretText(),
  comment: choice(['auto', 'true', 'false'], { default: 'auto' }),
  notify: secretText(),
} as const satisfies InputContract;

const outputs = {
  verdict: {},
  reason: {},
  message: {},
  result: {},
  'result-file': {},
  environment: {},
  url: {},
  'has-changes': {},
  plan: { whole: true },
  fingerprint: {},
  images: { whole: true },
  issue: {},
  commit: {},
  'awaits-approval': {},
} as const satisfies OutputContract;

/** The same names as in action.yml; a test compares them. */
export const contract = { inputs, outputs, verdicts: ENVIRONMENT_VERDICTS };
