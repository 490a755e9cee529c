import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import type { Run } from '../../../sandbox/runner.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import {
  DEV_ACCOUNT,
  deployEnvironment,
  ecsServiceTemplate,
  SMALL_PLATFORM,
} from '../../support/environment.ts';
import { LayoutWriter } from '../../support/oci.ts';

/** A service that its stack changes is watched as in update-service. */

const newSandbox = useSandboxes();
const newWorkspace = useWorkspaces();

const api = (colour: string): string =>
  ecsServiceTemplate(
    colour,
    `
        Strategy: BLUE_GREEN
        BakeTimeInMinutes: 0
        LifecycleHooks:
          - TargetType: PAUSE
            LifecycleStages: [POST_TEST_TRAFFIC_SHIFT]
            TimeoutConfiguration: { Action: ROLLBACK, TimeoutInMinutes: 30 }`,
  );

const platform = (exitCode: number): string => `
project: shop
region: eu-west-1
environments:
  dev: { ${DEV_ACCOUNT}, parameters: dev.json }
stacks:
  network: { template: network.yml }
services:
  api:
    path: api
    paths: ['/api/*']
    priority: 100
    template: api.yml
    build: { oci-layout: image }
    smoke-test: { command: [node, -e, process.exit(${exitCode})], timeout: 3s }
`;

/** Deploys the service, then a change of its stack. Returns the second run. */
async function change(exitCode: number): Promise<Run> {
  const sandbox = await newSandbox({ timeScale: 100 });
  const workspace = newWorkspace({ ...SMALL_PLATFORM, 'platform.yml': platform(0), 'api.yml': api('blue') });
  const image = new LayoutWriter(join(workspace, 'image')).image(['one']);
  writeFileSync(
    join(workspace, 'image', 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [image] }),
  );
  const first = await deployEnvironment(sandbox, {}, { workspace });
  expect(first.log).toContain('deploy-environment: deployed');
  writeFileSync(join(workspace, 'platform.yml'), platform(exitCode));
  writeFileSync(join(workspace, 'api.yml'), api('green'));
  return await deployEnvironment(sandbox, {}, { workspace });
}

test('a successful smoke test continues a paused deployment', async () => {
  const run = await change(0);
  expect(run.outputs['verdict']).toBe('deployed');
  expect(run.log).toContain(
    'The deployment waits at the PAUSE hook of POST_TEST_TRAFFIC_SHIFT. Running the smoke test.',
  );
  expect(run.log).toContain('Continued the deployment.');
});

test('a failed smoke test rolls it back, with that reason', async () => {
  const run = await change(1);
  expect(run.exitCode).toBe(1);
  expect(run.log).toContain('Rolling the deployment back at the PAUSE hook.');
  expect(run.outputs['reason']).toContain('The smoke test node -e process.exit(1) failed (exit code 1)');
});

const worker = (image: string): string => `
Resources:
  Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: workers } }
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: worker
      Cpu: '256'
      Memory: '512'
      NetworkMode: awsvpc
      RequiresCompatibilities: [FARGATE]
      ExecutionRoleArn: !Sub arn:aws:iam::\${AWS::AccountId}:role/execution
      ContainerDefinitions: [{ Name: worker, Image: '${image}' }]
  Service:
    Type: AWS::ECS::Service
    Properties:
      ServiceName: worker
      Cluster: !Ref Cluster
      TaskDefinition: !Ref Task
      LaunchType: FARGATE
      NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-0a1b2c3d4e5f60718] } }
`;

test.each([
  ['true', 'The container worker exited with code 1', 1],
  ['false', 'did not finish within 20 s', 0],
] as const)(
  'fail-fast: %s, if the tasks of a service without a circuit breaker fail',
  async (failFast, reason, cancels) => {
    const ecs = { rules: [{ does: 'exit' as const, match: { image: 'worker:2' } }] };
    const sandbox = await newSandbox({ timeScale: 100, scenario: { ecs } });
    const [head = ''] = platform(0).split('stacks:');
    const files = {
      ...SMALL_PLATFORM,
      'platform.yml': `${head}stacks:\n  worker: { template: worker.yml }\nservices: {}\n`,
    };
    const image = (tag: number): string => worker(`registry.example.com/worker:${tag}`);
    const workspace = newWorkspace({ ...files, 'worker.yml': image(1) });
    const first = await deployEnvironment(sandbox, {}, { workspace });
    expect(first.log).toContain('deploy-environment: deployed');
    writeFileSync(join(workspace, 'worker.yml'), image(2));
    const run = await deployEnvironment(sandbox, { 'fail-fast': failFast, timeout: '20s' }, { workspace });
    expect(run.exitCode).toBe(1);
    expect(run.log).toContain(
      '::warning title=Failing tasks of worker::worker: The container worker exited with code 1',
    );
    expect(run.outputs['reason']).toContain(reason);
    expect(run.log.includes('Cancelled the update: worker: ')).toBe(cancels === 1);
  },
);
