import { PREVIEW_VERDICTS } from '../../src/environment/preview/result.ts';
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
  command: choice(['deploy', 'remove', 'sweep'], { default: 'deploy' }),
  'pull-request': text({ type: 'integer' }),
  images: map(),
  environment: text({ type: 'name', default: 'dev' }),
  project: text({ type: 'name' }),
  manifest: text({ type: 'path', default: 'platform.yml' }),
  template: text({ type: 'path', default: 'templates/preview.yml' }),
  'parameter-files': list({ default: 'templates/environments/preview.json' }),
  parameters: map(),
  'role-arn': text({ type: 'ARN' }),
  'priority-base': text({ type: 'integer', default: '1000' }),
  'priority-range': text({ type: 'integer', default: '2000' }),
  'time-to-live': duration({ default: '72h', max: '8760h' }),
  'dry-run': boolean({ default: 'false' }),
  timeout: duration({ default: '20m' }),
  'aws-region': text({ type: 'region', required: true, env: 'AWS_REGION' }),
  'role-to-assume': text({ type: 'ARN' }),
  'github-token': secretText(),
  comment: choice(['auto', 'true', 'false'], { default: 'auto' }),
} as const satisfies InputContract;

const outputs = {
  verdict: {},
  reason: {},
  message: {},
  result: {},
  'result-file': {},
  'pull-request': {},
  url: {},
  stacks: {},
  expires: {},
  price: {},
  deployment: {},
} as const satisfies OutputContract;

/** The same names as in action.yml; a test compares them. */
export const contract = { inputs, outputs, verdicts: PREVIEW_VERDICTS };
