import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  UpdateServiceCommand,
  type UpdateServiceCommandInput,
} from '@aws-sdk/client-ecs';
import { DeleteParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { CreateLogGroupCommand, CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import type { Sandbox } from '../../sandbox/index.ts';
import { clientOf, ssmOf } from '../unit/sandbox/clients.ts';
import { LayoutWriter } from './oci.ts';
import { RegistrySession } from './registry.ts';
import { untilSteady } from './steady.ts';

export const ACCOUNTS = { dev: '111111111111', staging: '222222222222', prod: '333333333333' } as const;
export type EnvironmentName = keyof typeof ACCOUNTS;

const NAMES = Object.keys(ACCOUNTS) as EnvironmentName[];
const UPSTREAM: Partial<Record<EnvironmentName, EnvironmentName>> = { staging: 'dev', prod: 'staging' };

/** The names given by the tool that created them, which do not follow our conventions. */
const REPOSITORY = 'team/api';
const clusterOf = (name: EnvironmentName): string => `live-${name}`;
const serviceOf = (name: EnvironmentName): string => `${name}-web`;

/**
 * Roles for deployments in a scenario: each trusts jobs in its GitHub environment, and in the one that promotes from
 * it.
 */
export function deployRoles(names: readonly EnvironmentName[] = NAMES) {
  const issuer = 'token.actions.githubusercontent.com';
  const subjects = (name: EnvironmentName): string[] =>
    NAMES.filter((each) => each === name || UPSTREAM[each] === name).map(
      (each) => `repo:org/platform:environment:${each}`,
    );
  return names.map((name) => ({
    arn: `arn:aws:iam::${ACCOUNTS[name]}:role/shop-${name}-deploy`,
    trust: {
      Statement: {
        Effect: 'Allow',
        Action: 'sts:AssumeRoleWithWebIdentity',
        Principal: { Federated: `arn:aws:iam::${ACCOUNTS[name]}:oidc-provider/${issuer}` },
        Condition: { StringEquals: { [`${issuer}:sub`]: subjects(name) } },
      },
    },
  }));
}

/** A service in three accounts that was created by API calls, as Terraform does: there is no stack. */
export class ExistingShop {
  readonly sandbox: Sandbox;
  readonly folder: string;

  private constructor(sandbox: Sandbox, folder: string) {
    this.sandbox = sandbox;
    this.folder = folder;
  }

  static async create(
    sandbox: Sandbox,
    folder: string,
    environments: readonly EnvironmentName[] = NAMES,
  ): Promise<ExistingShop> {
    const shop = new ExistingShop(sandbox, folder);
    shop.writeManifest();
    for (const name of environments) await shop.#create(name);
    return shop;
  }

  writeManifest(settings: ManifestSettings = {}): void {
    writeFileSync(join(this.folder, 'platform.yml'), manifest(settings));
  }

  /** The roles of the service's tasks. */
  roles(name: EnvironmentName): string[] {
    const { executionRoleArn = '', taskRoleArn = '' } = taskDefinition(name, '');
    return [executionRoleArn, taskRoleArn];
  }

  ecs(name: EnvironmentName): ECSClient {
    return clientOf(this.sandbox, ECSClient, ACCOUNTS[name]);
  }

  /** A commit with another image as a layout. Returns its digest. */
  commit(version: string): string {
    const layout = new LayoutWriter(join(this.folder, 'image'));
    const image = layout.image([`api ${version}`], 'amd64');
    layout.finish(image);
    return image.digest;
  }

  /** The digests that the service's tasks run. */
  async runs(name: EnvironmentName): Promise<string[]> {
    const place = { cluster: clusterOf(name), serviceName: serviceOf(name) };
    const { taskArns: tasks = [] } = await this.ecs(name).send(new ListTasksCommand(place));
    if (tasks.length === 0) return [];
    const command = new DescribeTasksCommand({ cluster: clusterOf(name), tasks });
    const { tasks: found = [] } = await this.ecs(name).send(command);
    const apps = found.flatMap(({ containers = [] }) => containers.filter((one) => one.name === 'app'));
    return [...new Set(apps.map(({ imageDigest }) => imageDigest ?? ''))];
  }

  /** Writes a parameter of the environment. */
  async put(name: EnvironmentName, parameter: string, value: string): Promise<void> {
    const command = { Name: `/shop/${name}/${parameter}`, Value: value, Type: 'String' as const };
    await ssmOf(this.sandbox, ACCOUNTS[name]).send(new PutParameterCommand({ ...command, Overwrite: true }));
  }

  async take(name: EnvironmentName, parameter: string): Promise<void> {
    const command = new DeleteParameterCommand({ Name: `/shop/${name}/${parameter}` });
    await ssmOf(this.sandbox, ACCOUNTS[name]).send(command);
  }

  /** Changes the service like its owner. */
  async reconfigure(name: EnvironmentName, settings: Partial<UpdateServiceCommandInput>): Promise<void> {
    const place = { cluster: clusterOf(name), service: serviceOf(name) };
    await this.ecs(name).send(new UpdateServiceCommand({ ...place, ...settings }));
    await this.steady(name);
  }

  async #create(name: EnvironmentName): Promise<void> {
    const account = ACCOUNTS[name];
    const registry = await RegistrySession.open(this.sandbox, { repositoryName: REPOSITORY }, account);
    await registry.image('latest');
    const cluster = clusterOf(name);
    const ecs = this.ecs(name);
    const logs = clientOf(this.sandbox, CloudWatchLogsClient, account);
    await logs.send(new CreateLogGroupCommand({ logGroupName: `/app/${name}` }));
    const value = { Name: '/app/colour', Value: 'blue', Type: 'String' as const };
    await ssmOf(this.sandbox, account).send(new PutParameterCommand(value));
    await ecs.send(new CreateClusterCommand({ clusterName: cluster }));
    const command = new RegisterTaskDefinitionCommand(taskDefinition(name, `${registry.uri}:latest`));
    const { taskDefinition: registered } = await ecs.send(command);
    const service = new CreateServiceCommand({
      cluster,
      serviceName: serviceOf(name),
      taskDefinition: registered?.taskDefinitionArn ?? '',
      desiredCount: 1,
      launchType: 'FARGATE',
      networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
    });
    await ecs.send(service);
    await this.steady(name);
  }

  /** Waits until the service has one deployment that is complete. */
  async steady(name: EnvironmentName): Promise<void> {
    const address = { cluster: clusterOf(name), service: serviceOf(name) };
    await untilSteady(this.ecs(name), address);
  }
}

/** A container in addition to the one that runs the image, external values, a log, and a tag of the tool. */
function taskDefinition(name: EnvironmentName, image: string): RegisterTaskDefinitionCommandInput {
  const account = ACCOUNTS[name];
  return {
    family: `${name}-web-task`,
    networkMode: 'awsvpc',
    requiresCompatibilities: ['FARGATE'],
    cpu: '256',
    memory: '512',
    executionRoleArn: `arn:aws:iam::${account}:role/ecs/web-execution`,
    taskRoleArn: `arn:aws:iam::${account}:role/web-task`,
    tags: [{ key: 'ManagedBy', value: 'terraform' }],
    containerDefinitions: [
      {
        name: 'app',
        image,
        essential: true,
        secrets: [
          { name: 'COLOUR', valueFrom: '/app/colour' },
          {
            name: 'PASSWORD',
            valueFrom: `arn:aws:secretsmanager:eu-west-1:${account}:secret:app-a1b2c3:password::`,
          },
        ],
        logConfiguration: {
          logDriver: 'awslogs',
          options: {
            'awslogs-group': `/app/${name}`,
            'awslogs-region': 'eu-west-1',
            'awslogs-stream-prefix': 'app',
          },
        },
      },
      { name: 'proxy', image, essential: false },
    ],
  };
}

interface ManifestSettings {
  /** Whether the repository contains the image's source. Default: true. */
  build?: boolean;
  cluster?: string;
  repository?: string;
}

function manifest({ build = true, cluster, repository = REPOSITORY }: ManifestSettings): string {
  const environments = NAMES.flatMap((name) => [
    `  ${name}:`,
    `    account: '${ACCOUNTS[name]}'`,
    `    role: arn:aws:iam::${ACCOUNTS[name]}:role/shop-${name}-deploy`,
    ...(UPSTREAM[name] === undefined ? [] : [`    promote-from: ${UPSTREAM[name]}`]),
  ]);
  const places = NAMES.map(
    (name) => `      ${name}: { cluster: ${cluster ?? clusterOf(name)}, service: ${serviceOf(name)} }`,
  );
  return `
project: shop
region: eu-west-1
environments:
${environments.join('\n')}
services:
  api:
    repository: ${repository}
${build ? '    path: api\n    build: { oci-layout: image }' : ''}
    environments:
${places.join('\n')}
`;
}
