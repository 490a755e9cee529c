import { expect, test } from '@jest/globals';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { NEXT, updateService } from '../../support/service.ts';
import { expectExample } from '../../support/error-example.ts';

const sandboxOf = useSandboxes();
const workspace = useWorkspaces()({ 'task.json': '{"family":"a"}' });

test.each<[Record<string, string>, RegExp]>([
  [{ cluster: 'a b' }, /^cluster: expected a cluster's name or ARN.*, got "a b"/],
  [{ service: 'arn:x' }, /^service: expected a service's name.*, got "arn:x"/],
  [{ command: 'depoy' }, /^command: .*, got "depoy"\. Did you mean deploy\?/],
  [{ image: 'a b' }, /^image: expected an image.*, got "a b"/],
  [{ images: 'app=@sha256:1' }, /^images: expected an image.*, got "@sha256:1"/],
  [{ image: NEXT, images: `app=${NEXT}` }, /^image: expected no value, because images is set, got /],
  [{ 'task-definition-arn': 'family' }, /^task-definition-arn: expected family:revision.*, got "family"/],
  [
    { 'task-definition-arn': 'family:1', cpu: '256' },
    /^cpu: expected no value, because task-definition-arn is set/,
  ],
  [
    { 'task-definition-arn': 'family:1', environment: 'A=1' },
    /^environment: expected no value, because task-definition-arn is set/,
  ],
  [
    { 'task-definition-arn': 'family:1', containers: 'app: { cpu: 64 }' },
    /^containers: expected no value, because task-definition-arn is set/,
  ],
  [
    { 'task-definition-family': 'family', 'task-definition-arn': 'family:1' },
    /^task-definition-family: expected no value, because task-definition-arn is set.*, got "family"/,
  ],
  [
    { 'task-definition-family': 'family', 'task-definition': 'task.json' },
    /^task-definition-family: expected no value, because task-definition is set.*, got "family"/,
  ],
  [
    { 'task-definition-family': 'family:1' },
    /^task-definition-family: expected the name of a family, without a revision.*, got "family:1"/,
  ],
  [
    { command: 'restart', 'task-definition-family': 'family' },
    /^task-definition-family: expected no change of the task definition.*, got "family"/,
  ],
  [{ service: '' }, /^service: expected a service's name/],
  [{ cluster: '' }, /^cluster: expected a cluster's name or ARN/],
  [{ command: 'run' }, /^run: .*expected the command to run/],
  [{ command: 'run', run: 'a "b' }, /^run: .*expected a closing quote/],
  [{ command: 'run', run: 'a', wait: 'false' }, /^wait: expected true with command: run.*, got "false"/],
  [
    { command: 'run', run: 'a', parameter: '/platform/dev/user-service/image' },
    /^parameter: .*expected no value with command: run/,
  ],
  [{ command: 'run', run: 'a', service: '' }, /^service: .*expected a service, or task-definition, /],
  [{ run: 'a' }, /^run: expected no value with command: deploy, got "a"\. Use command: run/],
  [{ command: 'restart', subnets: 'subnet-1' }, /^subnets: .*, got "subnet-1"\. Use command: run/],
  [{ 'launch-type': 'FARGATE' }, /^launch-type: .*, got "FARGATE"\. Use command: run/],
  [{ command: 'run', run: 'a', 'launch-type': 'fargate' }, /^launch-type: .*, got "fargate"/],
  [{ command: 'register', 'smoke-test': '/a' }, /^smoke-test: .*expected no value with command: register/],
  [
    { command: 'register', 'task-definition-arn': 'family:1' },
    /^task-definition-arn: .*because this revision is already registered/,
  ],
  [{ 'pre-deploy-when': 'never' }, /^pre-deploy-when: .*, got "never"/],
  [
    { images: `app=${NEXT}`, containers: `app: { image: "${NEXT}" }` },
    /^containers: expected no image, because images has it too.*, got "app"/,
  ],
  [{ cpu: 'much' }, /^cpu: expected 256 or 0.25 vCPU.*, got "much"/],
  [{ memory: '1 TB' }, /^memory: expected 512 or 0.5 GB.*, got "1 TB"/],
  [{ 'desired-count': '-1' }, /^desired-count: expected a whole number of at least 0.*, got "-1"/],
  [{ 'keep-revisions': '0' }, /^keep-revisions: expected a whole number of at least 1.*, got "0"/],
  [{ 'pre-deploy': 'node "a' }, /^pre-deploy: .*expected a closing quote/],
  [{ 'smoke-test': 'https://' }, /^smoke-test: expected a URL or a command.*, got "https:\/\/"/],
  [
    { 'smoke-test': 'htp://x' },
    /^smoke-test: expected a URL that begins with http:\/\/ or https:\/\/, or a command, got "htp:\/\/x"/,
  ],
  [{ 'smoke-test-status': '20x' }, /^smoke-test-status: expected a status such as 200.*, got "20x"/],
  [{ 'smoke-test-status': '300-200' }, /^smoke-test-status: .*, got "300-200"/],
  [{ parameter: '/platform/dev' }, /^parameter: expected the name of an image.*, got "\/platform\/dev"/],
  [{ 'on-failure': 'panic' }, /^on-failure: .*, got "panic"/],
  [{ timeout: '100000h' }, /^timeout: expected a duration from 1s to 120h.*, got "100000h"/],
  [{ timeout: 'soon' }, /^timeout: .*, got "soon"/],
  [{ 'aws-region': 'ireland' }, /^aws-region: .*, got "ireland"/],
  [{ image: '<IMAGE1_NAME>' }, /^image: expected an image.*, got "<IMAGE1_NAME>"\. Replace the placeholder/],
  [
    { image: 'ghcr.io/org/api:' },
    /^image: expected an image.*, got "ghcr\.io\/org\/api:"\. The tag is empty/,
  ],
  [{ images: 'app=ghcr.io/Org/Api:1' }, /^images: .*, got "ghcr\.io\/Org\/Api:1"\. .*lower case/],
  [{ containers: 'app: { image: "https://ghcr.io/org/api" }' }, /^containers: .*without https:\/\//],
  [{ command: 'restart', image: NEXT }, /^image: .*expected no change of the task definition/],
  [{ command: 'restart', environment: 'A=1' }, /^environment: expected no change of the task definition/],
  [
    { command: 'rollback', cpu: '512' },
    /^cpu: expected no change of the task definition with command: rollback, got "512"/,
  ],
])('%j is one clear error, before any call to AWS', async (inputs, reason) => {
  const sandbox = await sandboxOf();
  const run = await updateService({ sandbox }, inputs, { workspace });
  expect(run.exitCode).toBe(1);
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toMatch(reason);
  expect(sandbox.calls.all).toEqual([]);
  if (inputs.timeout === 'soon') expectExample('input-invalid', run);
  expect(run.log).not.toContain('    at ');
});
