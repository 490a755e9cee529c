import {
  boolean,
  choice,
  duration,
  list,
  map,
  secretText,
  text,
  type InputContract,
} from '../../src/runtime/inputs.ts';
import type { OutputContract } from '../../src/runtime/outputs.ts';

const inputs = {
  command: choice(['deploy', 'plan', 'apply', 'delete', 'drift'], { default: 'deploy' }),
  'stack-name': text({ required: true }),
  template: text(),
  parameters: map(),
  'parameter-files': list(),
  tags: map(),
  capabilities: list({ default: 'CAPABILITY_IAM,CAPABILITY_NAMED_IAM' }),
  'role-arn': text(),
  plan: text(),
  fingerprint: text(),
  'allow-replace': list(),
  'allow-delete': list(),
  'on-failure': choice(['rollback', 'keep', 'delete'], { default: 'rollback' }),
  mode: choice(['standard', 'express'], { default: 'standard' }),
  'termination-protection': boolean(),
  'stack-policy': text(),
  'notification-arns': list(),
  'artifact-bucket': text(),
  'revert-drift': boolean({ default: 'false' }),
  'continue-rollback': boolean({ default: 'false' }),
  timeout: duration({ default: '60m' }),
  'aws-region': text({ required: true, env: 'AWS_REGION' }),
  'role-to-assume': text(),
  'github-token': secretText(),
  comment: choice(['auto', 'true', 'false'], { default: 'auto' }),
} as const satisfies InputContract;

const outputs = {
  verdict: {},
  reason: {},
  result: {},
  'stack-name': {},
  region: {},
  'has-changes': {},
  plan: {},
  fingerprint: {},
  changes: {},
  outputs: {},
} as const satisfies OutputContract;

const verdicts = {
  created: { ok: true },
  updated: { ok: true },
  unchanged: { ok: true },
  planned: { ok: true },
  deleted: { ok: true },
  'in-sync': { ok: true },
  drifted: { ok: false },
  blocked: { ok: false },
  'plan-changed': { ok: false },
  'rolled-back': { ok: false },
  failed: { ok: false },
  stuck: { ok: false },
  'timed-out': { ok: false },
  cancelled: { ok: false },
} as const;

/** The same names as in action.yml; a test holds them together. */
export const contract = { inputs, outputs, verdicts };
