import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { afterAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { runImport } from '../../scripts/import/command.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { bootstrapped } from '../../sandbox/scenario/bootstrapped.ts';
import { useSandboxes, useWorkspaces } from '../support/action.ts';
import { deployEnvironment } from '../support/environment.ts';
import { LayoutWriter } from '../support/oci.ts';
import { RegistrySession } from '../support/registry.ts';
import { arnOf, EXECUTION_ROLE, jobOf } from '../support/roles.ts';
import { untilSteady } from '../support/steady.ts';
import { inputText, writeInputs } from '../unit/scripts/import/manifests.ts';
import { clientOf, ssmOf } from '../unit/sandbox/clients.ts';

/** The output of each import is deployed with the committed bundle, on top of the shared lower layers. */

const ACCOUNT = '111111111111';
const newSandbox = useSandboxes();
const newWorkspace = useWorkspaces();
const inputs = mkdtempSync(join(tmpdir(), 'import-'));
// Secrets that the boundary allows, and the platform of the other services, which use the same image.
const WEB = 'copilot/frontend/manifest.yml';
writeInputs(inputs, {
  [WEB]: inputText(WEB)
    .replace('linux/arm64', 'linux/amd64')
    .replace(/^ {2}(?:GITHUB_TOKEN|SIGNING): .+\n/gm, '')
    .replace('    secrets: { GITHUB_TOKEN: PROD_TOKEN }\n', ''),
});
afterAll(() => {
  rmSync(inputs, { recursive: true, force: true });
});

const SHARED: Record<string, [type: string, value: string]> = {
  'vpc/id': ['String', 'vpc-0aaaaaaaaaaaaaaaa'],
  'vpc/private-subnets': ['StringList', 'subnet-0aaaaaaaaaaaaaaa1,subnet-0aaaaaaaaaaaaaaa2'],
  'security/service-group': ['String', 'sg-0aaaaaaaaaaaaaaaa'],
  'security/service-token': [
    'String',
    `arn:aws:secretsmanager:eu-west-1:${ACCOUNT}:secret:ServiceToken-abcdef`,
  ],
  'security/data-key': [
    'String',
    `arn:aws:kms:eu-west-1:${ACCOUNT}:key/00000000-0000-0000-0000-000000000001`,
  ],
  'security/operations-key': [
    'String',
    `arn:aws:kms:eu-west-1:${ACCOUNT}:key/00000000-0000-0000-0000-000000000002`,
  ],
  'database/endpoint': ['String', 'none'],
  'database/secret': ['String', 'none'],
  'database/resource-id': ['String', 'none'],
  'cluster/alarm-topic': ['String', `arn:aws:sns:eu-west-1:${ACCOUNT}:alarms`],
};

const baseTemplate = (repositories: readonly string[]): string => `
Parameters: { Project: { Type: String }, Environment: { Type: String } }
Resources:
  Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: !Sub '\${Environment}-\${Project}' } }
  ClusterName:
    Type: AWS::SSM::Parameter
    Properties: { Name: !Sub '/\${Project}/\${Environment}/cluster/name', Type: String, Value: !Ref Cluster }
  LoadBalancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: { Subnets: [subnet-0aaaaaaaaaaaaaaa1, subnet-0aaaaaaaaaaaaaaa2] }
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref LoadBalancer
      Port: 80
      Protocol: HTTP
      DefaultActions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: '404' } }]
  ListenerName:
    Type: AWS::SSM::Parameter
    Properties: { Name: !Sub '/\${Project}/\${Environment}/cluster/listener', Type: String, Value: !Ref Listener }
  LoadBalancerName:
    Type: AWS::SSM::Parameter
    Properties:
      Name: !Sub '/\${Project}/\${Environment}/cluster/load-balancer'
      Type: String
      Value: !GetAtt LoadBalancer.LoadBalancerFullName
${repositories.map((name, index) => `  Images${index}: { Type: AWS::ECR::Repository, Properties: { RepositoryName: ${name} } }`).join('\n')}
${Object.entries(SHARED)
  .map(
    ([name, [type, value]], index) => `  Shared${index}:
    Type: AWS::SSM::Parameter
    Properties: { Name: !Sub '/\${Project}/\${Environment}/${name}', Type: ${type}, Value: '${value}' }`,
  )
  .join('\n')}
`;

/** The names that all environments share. */
const SHARED_FILE = 'templates/environments/shared.json';

type Document = Record<string, Record<string, Record<string, unknown>>>;

/** Roles of the bootstrap, including that of the job. */
const rolesOf = (project: string, environment: string): Record<string, string> => ({
  role: arnOf(ACCOUNT, `${project}-${environment}-deploy`),
  'execution-role': arnOf(ACCOUNT, `${project}-${environment}-execution`),
});

/** A workspace with the files of an import, and the lower layers of a platform. */
function workspaceOf(
  args: readonly string[],
  environment: string,
  architecture: string,
  roles: Readonly<Record<string, string>>,
): string {
  const { files } = runImport(
    args.map((arg) => (/\.(?:yml|json)$/.test(arg) ? join(inputs, arg) : arg)),
    { SERVICE: 'shop-web' },
  );
  const document = parse(files['platform.yml'] ?? '') as Document;
  const project = document['project'] as unknown as string;
  const services = document['services'] ?? {};
  for (const service of Object.values(services)) {
    service['path'] ??= 'services/web';
    service['build'] = { 'oci-layout': 'image' };
  }
  const repositories = Object.entries(services)
    .filter(([, { environments }]) => environments === undefined)
    .map(([name, { repository }]) => (typeof repository === 'string' ? repository : `${project}/${name}`));
  const place = document['environments']?.[environment] ?? {};
  const parameters = [place['parameters']].flat().filter((file) => typeof file === 'string');
  document['environments'] = {
    [environment]: { ...place, ...roles, parameters: [...parameters, SHARED_FILE] },
  };
  document['stacks'] = { ...document['stacks'], base: { template: 'base.yml' } };
  const copied = [
    ...['fargate', 'queue', 'scheduled-task'].map((name) => `templates/${name}.yml`),
    SHARED_FILE,
  ];
  const workspace = newWorkspace({
    ...Object.fromEntries(copied.map((file) => [file, readFileSync(file, 'utf8')])),
    ...files,
    'base.yml': baseTemplate(repositories),
    'platform.yml': JSON.stringify(document),
  });
  const layout = new LayoutWriter(join(workspace, 'image'));
  layout.finish(layout.image(['v1'], architecture));
  return workspace;
}

const SHA = 'a'.repeat(40);

/** A job of the platform's workflows deploys with the roles and the boundary of the bootstrap. */
async function deployAsWorkflow(project: string, args: readonly string[], architecture: string) {
  const environment = 'prod';
  const stacks = bootstrapped({ project, environments: { [environment]: ACCOUNT } });
  const sandbox = await newSandbox({ timeScale: 200, accounts: [ACCOUNT], scenario: { stacks } });
  const workspace = workspaceOf(args, environment, architecture, rolesOf(project, environment));
  const flag = { Name: `/${project}/${environment}/flag`, Value: 'on', Type: 'String' as const };
  await ssmOf(sandbox, ACCOUNT).send(new PutParameterCommand(flag));
  const inputs = { environment, command: 'deploy' };
  const env = { ...jobOf(sandbox, environment, inputs), GITHUB_SHA: SHA };
  return { sandbox, run: await deployEnvironment(sandbox, inputs, { workspace, env }) };
}

const containerOf = async (sandbox: Sandbox, taskDefinition: string | undefined, index = 0) => {
  const ecs = clientOf(sandbox, ECSClient, ACCOUNT);
  const found = await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition }));
  return found.taskDefinition?.containerDefinitions?.[index];
};

test('deploys services of Copilot manifests: a web service, a worker with its queue, a scheduled task', async () => {
  const manifests = ['frontend', 'mailer', 'nightly'].map((name) => `copilot/${name}/manifest.yml`);
  const args = ['copilot', ...manifests, '--region', 'eu-west-1', '--account', `prod=${ACCOUNT}`];
  const { sandbox, run } = await deployAsWorkflow('shop', args, 'amd64');
  expect(run.log).toContain('deploy-environment: deployed');
  expect(await containerOf(sandbox, 'prod-shop-nightly')).toMatchObject({
    command: ['node', 'report.js'],
    environment: expect.arrayContaining([{ name: 'LOG_LEVEL', value: 'info' }]) as unknown,
  });
  expect(await containerOf(sandbox, 'prod-shop-frontend')).toMatchObject({
    entryPoint: ['/bin/entry'],
    environment: expect.arrayContaining([
      { name: 'LOG_LEVEL', value: 'warn' },
      { name: 'STAGE', value: 'prod' },
    ]) as unknown,
    secrets: expect.arrayContaining([
      {
        name: 'DB',
        valueFrom: `arn:aws:secretsmanager:eu-west-1:${ACCOUNT}:secret:shop/prod/mysql:password::`,
      },
    ]) as unknown,
  });
  expect(await containerOf(sandbox, 'prod-shop-mailer')).toMatchObject({
    environment: expect.arrayContaining([
      { name: 'QUEUE_URL', value: expect.stringContaining('prod-shop-mailer') as unknown },
    ]) as unknown,
  });
});

test('the service of a task definition is deployed with its variables, secrets and command', async () => {
  const { sandbox, run } = await deployAsWorkflow(
    'shop',
    ['task-definition', 'task-definition.json', '--project', 'shop'],
    'arm64',
  );
  expect(run.log).toContain('deploy-environment: deployed');
  expect(await containerOf(sandbox, 'prod-shop-shop-api')).toMatchObject({
    name: 'shop-api',
    command: ['node', 'server.js'],
    environment: expect.arrayContaining([{ name: 'LOG_LEVEL', value: 'a ${dollar}' }]) as unknown,
    secrets: expect.arrayContaining([
      { name: 'FLAG', valueFrom: `arn:aws:ssm:eu-west-1:${ACCOUNT}:parameter/shop/prod/flag` },
    ]) as unknown,
  });
});

test('releases a service of ecspresso, keeping the rest of its revision', async () => {
  const sandbox = await newSandbox({ timeScale: 200 });
  const ecs = clientOf(sandbox, ECSClient, ACCOUNT);
  const registry = await RegistrySession.open(sandbox, { repositoryName: 'shop/web' }, ACCOUNT);
  await registry.image('old');
  await ecs.send(new CreateClusterCommand({ clusterName: 'shop' }));
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: 'web',
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      cpu: '256',
      memory: '512',
      executionRoleArn: `arn:aws:iam::${ACCOUNT}:role/execution`,
      containerDefinitions: [
        { name: 'web', image: `${registry.uri}:old`, essential: true },
        { name: 'envoy', image: 'envoy:1', essential: false, environment: [{ name: 'MODE', value: 'edge' }] },
      ],
    }),
  );
  await ecs.send(
    new CreateServiceCommand({
      cluster: 'shop',
      serviceName: 'shop-web',
      taskDefinition: taskDefinition?.taskDefinitionArn,
      desiredCount: 1,
      launchType: 'FARGATE',
      networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-0a1b2c3d4e5f60718'] } },
    }),
  );
  await untilSteady(ecs, { cluster: 'shop', service: 'shop-web' });
  const args = ['ecspresso', 'ecspresso.yml', '--project', 'shop'];
  const workspace = workspaceOf(args, 'prod', 'amd64', { 'execution-role': EXECUTION_ROLE });
  const run = await deployEnvironment(
    sandbox,
    { environment: 'prod', command: 'deploy' },
    { workspace, env: { GITHUB_SHA: SHA } },
  );
  expect(run.log).toContain('deploy-environment: deployed');
  const { services = [] } = await ecs.send(
    new DescribeServicesCommand({ cluster: 'shop', services: ['shop-web'] }),
  );
  const released = services[0]?.taskDefinition;
  expect(await containerOf(sandbox, released)).toMatchObject({
    name: 'web',
    image: expect.stringMatching(/shop\/web@sha256:/) as unknown,
  });
  expect(await containerOf(sandbox, released, 1)).toMatchObject({
    name: 'envoy',
    image: 'envoy:1',
    environment: [{ name: 'MODE', value: 'edge' }],
  });
});
