import { CAPABILITIES } from '../../src/cloudformation/context.ts';
import { STACK_VERDICTS } from '../../src/cloudformation/commands/result.ts';
import {
  type ParametersInput,
  readParametersInput,
  readTagsInput,
} from '../../src/cloudformation/parameters/inputs.ts';
import {
  boolean,
  choice,
  duration,
  customInput,
  list,
  secretText,
  text,
  type InputContract,
} from '../../src/core/inputs/contract.ts';
import { STACK_OUTPUTS } from '../../src/present/stack.ts';

/**
 * The name of a stack, or its ARN.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html "A stack name can contain
 *   only alphanumeric characters (case sensitive) and hyphens. It must start with an alphabetical character and can't be
 *   longer than 128 characters."
 */
const STACK_NAME = {
  matches: /^(?:[a-zA-Z][-a-zA-Z0-9]{0,127}|arn:[-a-zA-Z0-9:/._+]+)$/,
  expected: 'expected at most 128 letters, digits and hyphens, starting with a letter',
} as const;

const inputs = {
  command: choice(['deploy', 'plan', 'apply', 'delete', 'drift'], { default: 'deploy' }),
  'stack-name': text({ type: 'name or ARN', required: true, pattern: STACK_NAME }),
  template: text({ type: 'path or URL' }),
  parameters: customInput<ParametersInput>(readParametersInput, { parameters: {} }),
  'parameter-files': list(),
  tags: customInput(readTagsInput, {}),
  capabilities: list({ default: 'CAPABILITY_IAM,CAPABILITY_NAMED_IAM', choices: CAPABILITIES }),
  'role-arn': text({ type: 'ARN' }),
  plan: text({ type: 'name' }),
  fingerprint: text(),
  'allow-replace': list(),
  'allow-delete': list(),
  'allow-traffic-reset': list(),
  'import-existing-resources': boolean({ default: 'false' }),
  'rollback-alarms': list(),
  'monitoring-time': duration({ min: '0s', max: '3h' }),
  'on-failure': choice(['rollback', 'keep', 'delete'], { default: 'rollback' }),
  'fail-fast': boolean({ default: 'true' }),
  mode: choice(['standard', 'express'], { default: 'standard' }),
  'termination-protection': boolean(),
  'stack-policy': text({ type: 'JSON or path' }),
  'notification-arns': list(),
  'artifact-bucket': text({ type: 'name' }),
  'revert-drift': boolean({ default: 'false' }),
  'continue-rollback': boolean({ default: 'false' }),
  timeout: duration({ default: '60m' }),
  'aws-region': text({ type: 'region', required: true, env: 'AWS_REGION' }),
  'role-to-assume': text({ type: 'ARN' }),
  'github-token': secretText(),
  comment: choice(['auto', 'true', 'false'], { default: 'auto' }),
  notify: secretText(),
} as const satisfies InputContract;

/** The same names as in action.yml; a test compares them. */
export const contract = {
  inputs,
  outputs: Object.fromEntries([...STACK_OUTPUTS].map((name) => [name, {}])),
  verdicts: STACK_VERDICTS,
};
