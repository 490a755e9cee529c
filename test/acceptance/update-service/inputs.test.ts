import { expect, test } from '@jest/globals';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { NEXT, updateService } from '../../support/service.ts';

const sandboxOf = useSandboxes();
const workspace = useWorkspaces()({ 'task.json': '{"family":"a"}' });

test.each<[Record<string, string>, RegExp]>([
  [{ cluster: 'a b' }, /^cluster: "a b" is not valid: expected a cluster's name or ARN/],
  [{ service: 'arn:x' }, /^service: "arn:x" is not valid: expected a service's name/],
  [{ command: 'depoy' }, /^command: "depoy" is not valid: .*did you mean deploy\?/],
  [{ image: 'a b' }, /^image: "a b" is not valid: expected an image/],
  [{ images: 'app=@sha256:1' }, /^images: "@sha256:1" is not valid: expected an image/],
  [{ image: NEXT, images: `app=${NEXT}` }, /^image: .*give image or images, not both/],
  [
    { 'task-definition-arn': 'family' },
    /^task-definition-arn: "family" is not valid: expected family:revision/,
  ],
  [
    { 'task-definition-arn': 'family:1', cpu: '256' },
    /^cpu: an existing revision is deployed as it is; give one or the other/,
  ],
  [{ 'task-definition-arn': 'family:1', environment: 'A=1' }, /^environment: an existing revision/],
  [
    { 'task-definition-arn': 'family:1', containers: 'app: { cpu: 64 }' },
    /^containers: an existing revision/,
  ],
  [
    { 'task-definition-family': 'family', 'task-definition-arn': 'family:1' },
    /^task-definition-family: "family" is not valid: expected no value, because task-definition-arn is given/,
  ],
  [
    { 'task-definition-family': 'family', 'task-definition': 'task.json' },
    /^task-definition-family: "family" is not valid: expected no value, because task-definition is given/,
  ],
  [
    { 'task-definition-family': 'family:1' },
    /^task-definition-family: "family:1" is not valid: expected the name of a family, without a revision/,
  ],
  [
    { command: 'restart', 'task-definition-family': 'family' },
    /^task-definition-family: "family" is not valid: expected no change of the task definition/,
  ],
  [{ service: '' }, /^service: expected a service's name/],
  [{ cluster: '' }, /^cluster: expected a cluster's name or ARN/],
  [{ command: 'run' }, /^run: .*expected the command to run/],
  [{ command: 'run', run: 'a "b' }, /^run: .*a quote is not closed/],
  [
    { command: 'run', run: 'a', wait: 'false' },
    /^wait: "false" is not valid: expected true with command: run/,
  ],
  [
    { command: 'run', run: 'a', parameter: '/platform/dev/user-service/image' },
    /^parameter: .*expected no value with command: run/,
  ],
  [{ command: 'run', run: 'a', service: '' }, /^service: .*expected a service, or task-definition, /],
  [{ run: 'a' }, /^run: "a" is not valid: expected no value with command: deploy\. Use command: run/],
  [{ command: 'restart', subnets: 'subnet-1' }, /^subnets: "subnet-1" is not valid: .*Use command: run/],
  [{ 'launch-type': 'FARGATE' }, /^launch-type: "FARGATE" is not valid: .*Use command: run/],
  [{ command: 'run', run: 'a', 'launch-type': 'fargate' }, /^launch-type: "fargate" is not valid/],
  [{ command: 'register', 'smoke-test': '/a' }, /^smoke-test: .*expected no value with command: register/],
  [
    { command: 'register', 'task-definition-arn': 'family:1' },
    /^task-definition-arn: .*because this revision is registered/,
  ],
  [{ 'pre-deploy-when': 'never' }, /^pre-deploy-when: "never" is not valid/],
  [
    { images: `app=${NEXT}`, containers: `app: { image: "${NEXT}" }` },
    /^containers: "app" is not valid: expected its image once/,
  ],
  [{ cpu: 'much' }, /^cpu: "much" is not valid: expected 256 or 0.25 vCPU/],
  [{ memory: '1 TB' }, /^memory: "1 TB" is not valid: expected 512 or 0.5 GB/],
  [{ 'desired-count': '-1' }, /^desired-count: "-1" is not valid: expected a whole number, 0 or more/],
  [{ 'keep-revisions': '0' }, /^keep-revisions: "0" is not valid: expected a whole number, 1 or more/],
  [{ 'pre-deploy': 'node "a' }, /^pre-deploy: .*a quote is not closed/],
  [{ 'smoke-test': 'https://' }, /^smoke-test: "https:\/\/" is not valid: expected a URL or a command/],
  [
    { 'smoke-test': 'htp://x' },
    /^smoke-test: "htp:\/\/x" is not valid: expected a URL that begins with http:\/\/ or https:\/\/, or a command/,
  ],
  [{ 'smoke-test-status': '20x' }, /^smoke-test-status: "20x" is not valid: expected a status such as 200/],
  [{ 'smoke-test-status': '300-200' }, /^smoke-test-status: "300-200" is not valid/],
  [
    { parameter: '/platform/dev' },
    /^parameter: "\/platform\/dev" is not valid: expected the name of an image/,
  ],
  [{ 'on-failure': 'panic' }, /^on-failure: "panic" is not valid/],
  [{ timeout: '100000h' }, /^timeout: "100000h" is not valid: expected a duration from 1s to 120h/],
  [{ timeout: 'soon' }, /^timeout: "soon" is not valid/],
  [{ 'aws-region': 'ireland' }, /^aws-region: "ireland" is not valid/],
  [{ command: 'restart', image: NEXT }, /^image: .*expected no change of the task definition/],
  [{ command: 'restart', environment: 'A=1' }, /^environment: expected no change of the task definition/],
  [{ command: 'rollback', cpu: '512' }, /^cpu: .*a rollback takes what ran before as it was/],
])('%j is one clear error, before any call to AWS', async (inputs, reason) => {
  const sandbox = await sandboxOf();
  const run = await updateService({ sandbox }, inputs, { workspace });
  expect(run.exitCode).toBe(1);
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toMatch(reason);
  expect(sandbox.calls.all).toEqual([]);
  expect(run.log).not.toContain('    at ');
});
