import {
  boolean,
  choice,
  duration,
  map,
  secretText,
  text,
  type InputContract,
} from '../../src/core/inputs/contract.ts';
import { SERVICE_VERDICTS } from '../../src/delivery/release/result.ts';
import type { OutputContract } from '../../src/core/outcome.ts';

const inputs = {
  command: choice(['deploy', 'restart', 'rollback', 'status'], { default: 'deploy' }),
  cluster: text({ required: true }),
  service: text({ required: true }),
  container: text(),
  image: text(),
  images: map(),
  containers: map(),
  'task-definition': text(),
  'task-definition-arn': text(),
  environment: map(),
  'environment-mode': choice(['merge', 'replace'], { default: 'merge' }),
  secrets: map(),
  cpu: text(),
  memory: text(),
  'desired-count': text(),
  'force-new-deployment': boolean({ default: 'false' }),
  'pre-deploy': text(),
  wait: boolean({ default: 'true' }),
  timeout: duration({ default: '20m' }),
  'on-failure': choice(['rollback', 'stop', 'keep'], { default: 'rollback' }),
  'smoke-test': text(),
  'smoke-test-status': text({ default: '200' }),
  'smoke-test-body': text(),
  'smoke-test-timeout': duration({ default: '2m' }),
  parameter: text(),
  commit: text(),
  'allow-older': boolean({ default: 'false' }),
  'lock-timeout': duration({ default: '10m', min: '0s' }),
  'keep-revisions': text(),
  'aws-region': text({ required: true, env: 'AWS_REGION' }),
  'role-to-assume': text(),
  'github-token': secretText(),
} as const satisfies InputContract;

const outputs = {
  verdict: {},
  reason: {},
  message: {},
  result: {},
  deployment: {},
  'task-definition': {},
  'previous-task-definition': {},
  digests: {},
  'duration-seconds': {},
} as const satisfies OutputContract;

/** The same names as in action.yml; a test holds them together. */
export const contract = { inputs, outputs, verdicts: SERVICE_VERDICTS };
