import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DescribeTasksCommand, ECSClient, ListTasksCommand } from '@aws-sdk/client-ecs';
import type { Sandbox } from '../../../sandbox/index.ts';
import { LayoutWriter } from '../../support/oci.ts';
import { clientOf } from '../../unit/sandbox/clients.ts';

export const ACCOUNTS = { dev: '111111111111', staging: '222222222222', prod: '333333333333' } as const;
export type EnvironmentName = keyof typeof ACCOUNTS;

const NAMES = Object.keys(ACCOUNTS) as EnvironmentName[];
const UPSTREAM: Partial<Record<EnvironmentName, EnvironmentName>> = { staging: 'dev', prod: 'staging' };

/** The URLs of GitHub's deployments of an environment. Dev has none. */
export const URLS: Partial<Record<EnvironmentName, string>> = {
  staging: 'https://staging.example.com',
  prod: 'https://shop.example.com',
};

const PARAMETERS = 'Parameters: { Project: { Type: String }, Environment: { Type: String } }';

const CLUSTER = `
${PARAMETERS}
Resources:
  Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: !Sub '\${Environment}-\${Project}' } }
  Shared:
    Type: AWS::SSM::Parameter
    Properties: { Name: !Sub '/\${Project}/\${Environment}/cluster/name', Type: String, Value: !Ref Cluster }
`;

const SERVICE = `
Parameters:
  ServiceName: { Type: String }
  Image: { Type: 'AWS::SSM::Parameter::Value<String>' }
  Cluster: { Type: 'AWS::SSM::Parameter::Value<String>' }
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: !Sub '\${Cluster}-\${ServiceName}'
      NetworkMode: awsvpc
      Cpu: 256
      Memory: 512
      RequiresCompatibilities: [FARGATE]
      ExecutionRoleArn: !Sub 'arn:aws:iam::\${AWS::AccountId}:role/\${Cluster}-tasks'
      ContainerDefinitions: [{ Name: !Ref ServiceName, Image: !Ref Image, Essential: true }]
  Service:
    Type: AWS::ECS::Service
    Properties:
      ServiceName: !Ref ServiceName
      Cluster: !Ref Cluster
      TaskDefinition: !Ref Task
      LaunchType: FARGATE
      DesiredCount: 1
      NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-1] } }
      DeploymentConfiguration: { DeploymentCircuitBreaker: { Enable: true, Rollback: true } }
`;

/** The repository of a small platform: a shared stack, a cluster, and one service, in three accounts. */
export class Shop {
  readonly sandbox: Sandbox;
  readonly folder: string;

  constructor(sandbox: Sandbox, folder: string) {
    this.sandbox = sandbox;
    this.folder = folder;
    this.#write('platform.yml', manifest());
    this.#write('cluster.yml', CLUSTER);
    this.#write('api.yml', SERVICE);
    for (const Environment of NAMES) {
      const Parameters = { Project: 'shop', Environment, Cluster: `/shop/${Environment}/cluster/name` };
      this.#write(`${Environment}.json`, JSON.stringify({ Parameters }));
    }
    mkdirSync(join(folder, 'api'), { recursive: true });
  }

  /** A commit that changes the shared stack and the image. Returns the digest of the image. */
  commit(version: string): string {
    this.#write('network.yml', networkTemplate(version));
    const layout = new LayoutWriter(join(this.folder, 'image'));
    const image = layout.image([`api ${version}`], 'arm64');
    layout.finish(image);
    return image.digest;
  }

  /** The digests that the service's tasks run, by environment. */
  async runs(): Promise<Record<EnvironmentName, string[]>> {
    const found = await Promise.all(NAMES.map(async (name) => [name, await this.runsIn(name)] as const));
    return Object.fromEntries(found) as Record<EnvironmentName, string[]>;
  }

  async runsIn(name: EnvironmentName): Promise<string[]> {
    const client = clientOf(this.sandbox, ECSClient, ACCOUNTS[name]);
    const cluster = `${name}-shop`;
    const listed = await client.send(new ListTasksCommand({ cluster, serviceName: 'api' }));
    const { taskArns = [] } = listed;
    if (taskArns.length === 0) return [];
    const { tasks = [] } = await client.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
    const digests = tasks.flatMap(({ containers = [] }) => containers.map((one) => one.imageDigest ?? ''));
    return [...new Set(digests)];
  }

  #write(name: string, content: string): void {
    writeFileSync(join(this.folder, name), content);
  }
}

/** A topic whose display name is the version, and the service's repository. */
function networkTemplate(version: string): string {
  return `
${PARAMETERS}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: { TopicName: !Sub '\${Environment}-\${Project}-events', DisplayName: ${version} }
  Images: { Type: AWS::ECR::Repository, Properties: { RepositoryName: !Sub '\${Project}/api' } }
`;
}

function manifest(): string {
  const environments = NAMES.flatMap((name) => [
    `  ${name}:`,
    `    account: '${ACCOUNTS[name]}'`,
    ...(['deploy', 'plan', 'execution'] as const).map(
      (role) =>
        `    ${role === 'deploy' ? '' : `${role}-`}role: arn:aws:iam::${ACCOUNTS[name]}:role/shop-${name}-${role}`,
    ),
    `    parameters: ${name}.json`,
    ...(URLS[name] === undefined ? [] : [`    url: ${URLS[name]}`]),
    ...(UPSTREAM[name] === undefined ? [] : [`    promote-from: ${UPSTREAM[name]}`]),
  ]);
  return `
project: shop
region: eu-west-1
environments:
${environments.join('\n')}
stacks:
  network: { template: network.yml }
  cluster: { template: cluster.yml }
services:
  api: { path: api, paths: ['/api/*'], priority: 100, template: api.yml, build: { oci-layout: image } }
`;
}
