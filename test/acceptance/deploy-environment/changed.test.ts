import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DescribeImagesCommand } from '@aws-sdk/client-ecr';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Sandbox, startSandbox } from '../../../sandbox/index.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { DEV, useWorkspaces } from '../../support/action.ts';
import { clientOf } from '../../support/aws-clients.ts';
import { DockerPlayback } from '../../support/docker-playback.ts';
import { DEV_ACCOUNT, deployEnvironment } from '../../support/environment.ts';
import { ecrOf } from '../../support/image.ts';
import { RegistrySession } from '../../support/registry.ts';

const workspaceOf = useWorkspaces();

const PLATFORM = {
  'platform.yml': `
project: shop
region: eu-west-1
environments:
  dev: { ${DEV_ACCOUNT} }
stacks:
  cluster: { template: cluster.yml }
services:
  api:
    { path: api, paths: ['/api/*'], priority: 100, template: service.yml, build: { build-contexts: { shared: shared } } }
  web: { path: web, paths: ['/*'], priority: 200, template: service.yml }
`,
  'cluster.yml': 'Resources: { Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: dev-shop } } }',
  'service.yml': serviceTemplate('512'),
  'api/Dockerfile': 'FROM scratch\nARG A\nCOPY --from=shared / /\n',
  'api/main.js': 'one',
  'web/Dockerfile': 'FROM scratch\nCOPY . /\n',
  'web/index.html': 'one',
  'shared/log.js': 'one',
  'README.md': 'one',
};

function serviceTemplate(memory: string): string {
  return `
Parameters: { ServiceName: { Type: String }, Image: { Type: 'AWS::SSM::Parameter::Value<String>' } }
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: !Sub 'dev-\${ServiceName}'
      NetworkMode: awsvpc
      Cpu: 256
      Memory: ${memory}
      RequiresCompatibilities: [FARGATE]
      ExecutionRoleArn: !Sub 'arn:aws:iam::\${AWS::AccountId}:role/execution'
      ContainerDefinitions: [{ Name: !Ref ServiceName, Image: !Ref Image, Essential: true }]
  Service:
    Type: AWS::ECS::Service
    Properties:
      ServiceName: !Ref ServiceName
      Cluster: dev-shop
      TaskDefinition: !Ref Task
      LaunchType: FARGATE
      DesiredCount: 1
      NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-1] } }
`;
}

let sandbox: Sandbox;
let workspace: string;
let docker: DockerPlayback;
let commit = 0;
const repositories: RegistrySession[] = [];

/** Runs at a commit that has not been deployed. */
async function run(inputs: Record<string, string>): Promise<Run> {
  const sha = String(++commit).padStart(40, '0');
  const from = sandbox.calls.all.length;
  const ended = await deployEnvironment(sandbox, inputs, {
    workspace,
    env: { ...docker.env, GITHUB_SHA: sha },
  });
  calls = sandbox.calls.all.slice(from).map(({ service, operation }) => `${service}:${operation}`);
  return ended;
}
let calls: string[] = [];

/** Sets the next image that docker builds, in both repositories. */
async function nextImage(layer: string): Promise<string> {
  const [digest = ''] = await Promise.all(repositories.map((repository) => repository.image(layer, layer)));
  docker.answer(digest);
  return digest;
}

const change = (file: string, text: string): void => {
  writeFileSync(join(workspace, file), text);
};
const images = (api: string, web: string): string => JSON.stringify({ api, web });

async function commitInLedger(service: string): Promise<string> {
  const client = clientOf(sandbox, SSMClient);
  const { Parameter } = await client.send(new GetParameterCommand({ Name: `/shop/dev/${service}/release` }));
  return (JSON.parse(Parameter?.Value ?? '{}') as { commit: string }).commit;
}

let first: string;
beforeAll(async () => {
  sandbox = await startSandbox({ accounts: [DEV], timeScale: 100_000 });
  workspace = workspaceOf(PLATFORM);
  docker = new DockerPlayback(workspaceOf({}), {});
  for (const repositoryName of ['shop/api', 'shop/web'])
    repositories.push(await RegistrySession.open(sandbox, { repositoryName }));
  first = await nextImage('one');
  const made = await run({ command: 'deploy' });
  if (made.exitCode !== 0) throw new Error(made.log);
});

afterAll(() => sandbox.close());

test('a commit without changes has nothing to deploy, and needs few calls', async () => {
  change('README.md', 'two');
  const plan = await run({ command: 'plan' });
  expect(plan.outputs).toMatchObject({
    verdict: 'unchanged',
    'has-changes': 'false',
    images: images(first, first),
  });
  expect(docker.builds).toHaveLength(2);
  const changing = calls.filter((call) => /:(?:Execute|Put|Update|Register|Tag)/.test(call));
  expect(changing).toEqual([]);
  console.log(`A plan of 3 stacks and 2 services without a change: ${calls.length} calls.`);
  expect(calls.length).toBeLessThan(60);
});

test.each([
  ['its own folder', 'api/main.js', 'api'],
  ['a folder in its build context', 'shared/log.js', 'api'],
  ['its Dockerfile', 'web/Dockerfile', 'web'],
])('a service has changed with %s', async (_, file, service) => {
  const before = PLATFORM[file as keyof typeof PLATFORM];
  change(file, `${before}# two\n`);
  const plan = await run({ command: 'plan' });
  change(file, before);
  expect(plan.outputs).toMatchObject({
    verdict: 'planned',
    reason: `Plan for dev ready: 0 of 3 stacks will change; ${service} will be released.`,
    'has-changes': 'true',
  });
  expect(plan.outputs['images'] ?? '').toBe('');
});

test('a template change affects stacks, not images', async () => {
  change('service.yml', serviceTemplate('1024'));
  const plan = await run({ command: 'plan' });
  change('service.yml', serviceTemplate('512'));
  expect(plan.outputs).toMatchObject({
    verdict: 'planned',
    reason: 'Plan for dev ready: 2 of 3 stacks will change.',
    'has-changes': 'true',
    images: images(first, first),
  });
});

test('services: changed builds and releases only changed services', async () => {
  const untouched = await commitInLedger('web');
  const builds = docker.builds.length;
  const second = await nextImage('two');
  change('shared/log.js', 'two');
  const deployed = await run({ command: 'deploy', services: 'changed' });
  expect(deployed.outputs['verdict']).toBe('deployed');
  expect(JSON.parse(deployed.outputs['images'] ?? '')).toEqual({ api: second, web: first });
  expect(deployed.summary).toContain(`web already runs the image with this content: ${first}.`);
  expect(docker.builds).toHaveLength(builds + 1);
  expect(calls.filter((call) => call === 'ecs:UpdateService')).toHaveLength(1);
  expect(await commitInLedger('web')).toBe(untouched);
  expect(await commitInLedger('api')).toBe(String(commit).padStart(40, '0'));
  const { imageDetails = [] } = await ecrOf(sandbox).send(
    new DescribeImagesCommand({ repositoryName: 'shop/web', imageIds: [{ imageDigest: first }] }),
  );
  expect(imageDetails[0]?.imageTags).not.toContain(String(commit).padStart(40, '0'));

  const again = await run({ command: 'deploy', services: 'changed' });
  expect(again.outputs['verdict']).toBe('unchanged');
  expect(JSON.parse(again.outputs['images'] ?? '')).toEqual({ api: second, web: first });
  expect(docker.builds).toHaveLength(builds + 1);
});

test('build arguments are part of the content', async () => {
  const inputs = { command: 'plan', 'build-args': 'api/A=1' };
  const other = await run(inputs);
  expect(other.outputs['reason']).toContain('; api will be released.');
  const third = await nextImage('three');
  await run({ ...inputs, command: 'deploy' });
  const same = await run(inputs);
  expect(same.outputs).toMatchObject({ verdict: 'unchanged', 'has-changes': 'false' });
  expect(JSON.parse(same.outputs['images'] ?? '')).toMatchObject({ api: third });
  const without = await run({ command: 'plan' });
  expect(without.outputs['reason']).toContain('; api will be released.');
});

test('a missing Dockerfile is refused', async () => {
  rmSync(join(workspace, 'web/Dockerfile'));
  const plan = await run({ command: 'plan', 'build-args': 'api/A=1' });
  expect(plan.outputs['images'] ?? '').toBe('');
  expect(plan.outputs['reason']).toContain('services.web.path: no such Dockerfile "web/Dockerfile"');
  change('web/Dockerfile', PLATFORM['web/Dockerfile']);
});

test.each([
  [
    { command: 'plan', services: 'changed, api' },
    'services: expected names of services, or changed alone, got "changed, api"',
  ],
  [{ command: 'build', services: 'changed' }, 'services: expected names of services with command: build'],
  [{ command: 'destroy', services: 'changed' }, 'services: expected names of services with command: destroy'],
])('%j is refused', async (inputs, reason) => {
  const refused = await run(inputs);
  expect(refused.exitCode).toBe(1);
  expect(refused.outputs['reason']).toContain(reason);
  expect(calls).toEqual([]);
});
