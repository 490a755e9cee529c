import {
  boolean,
  choice,
  duration,
  list,
  map,
  text,
  type InputContract,
} from '../../src/core/inputs/contract.ts';
import type { OutputContract } from '../../src/core/outputs/write.ts';
import { IMAGE_VERDICTS } from '../../src/images/result.ts';

const inputs = {
  repository: text({ required: true }),
  service: text(),
  context: text(),
  file: text(),
  platforms: list(),
  tags: list(),
  commit: text(),
  'build-args': map(),
  'build-contexts': map(),
  secrets: { ...map(), secret: true },
  ssh: list(),
  target: text(),
  'bake-file': list(),
  labels: map(),
  cache: choice(['registry', 'gha', 'none'], { default: 'registry' }),
  provenance: choice(['auto', 'min', 'max', 'false'], { default: 'auto' }),
  sbom: text({ default: 'auto' }),
  'create-repository': boolean({ default: 'false' }),
  reuse: boolean({ default: 'true' }),
  rebuild: text({ default: 'never' }),
  scan: choice(['off', 'critical', 'high', 'medium', 'low'], { default: 'off' }),
  sign: choice(['none', 'keyless'], { default: 'none' }),
  'oci-layout': text(),
  from: text(),
  also: list(),
  push: boolean({ default: 'true' }),
  timeout: duration({ default: '60m' }),
  'aws-region': text({ env: 'AWS_REGION' }),
  'role-to-assume': text(),
} as const satisfies InputContract;

const outputs = {
  verdict: {},
  reason: {},
  message: {},
  result: {},
  'result-file': {},
  repository: {},
  digest: {},
  tag: {},
  image: {},
  reused: {},
  size: {},
  scan: {},
  commit: {},
} as const satisfies OutputContract;

/** The same names as in action.yml; a test compares them. */
export const contract = { inputs, outputs, verdicts: IMAGE_VERDICTS };
