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
  repository: text({ type: 'name or URI', required: true }),
  service: text({ type: 'path' }),
  context: text({ type: 'path' }),
  file: text({ type: 'path' }),
  platforms: list(),
  tags: list(),
  commit: text({ type: 'commit SHA' }),
  'build-args': map(),
  'build-contexts': map(),
  secrets: { ...map(), secret: true },
  ssh: list(),
  target: text({ type: 'name' }),
  'bake-file': list(),
  labels: map(),
  cache: choice(['registry', 'gha', 'none'], { default: 'registry' }),
  provenance: choice(['auto', 'min', 'max', 'false'], { default: 'auto' }),
  sbom: text({ type: '`auto` `true` `false` `generator=…`', default: 'auto' }),
  'create-repository': boolean({ default: 'false' }),
  reuse: boolean({ default: 'true' }),
  rebuild: text({ type: '`never` `weekly` or a duration', default: 'never' }),
  scan: choice(['off', 'critical', 'high', 'medium', 'low'], { default: 'off' }),
  sign: choice(['none', 'keyless'], { default: 'none' }),
  'oci-layout': text({ type: 'path' }),
  from: text({ type: 'image reference' }),
  also: list(),
  push: boolean({ default: 'true' }),
  timeout: duration({ default: '60m' }),
  'aws-region': text({ type: 'region', env: 'AWS_REGION' }),
  'role-to-assume': text({ type: 'ARN' }),
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
