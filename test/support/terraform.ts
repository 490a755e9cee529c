import {
  type ContainerDefinition,
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { Sandbox } from '../../sandbox/index.ts';
import { clientOf } from '../unit/sandbox/clients.ts';
import { RegistrySession } from './registry.ts';
import { untilSteady } from './steady.ts';

/** The location of a service. Its names do not follow our conventions. */
export interface Address {
  account: string;
  region?: string;
  cluster: string;
  service: string;
  family: string;
  /** It is not the only container. */
  container: string;
}

/** An environment that another tool created by API calls: there is no stack. */
export class TerraformEnvironment {
  readonly sandbox: Sandbox;
  readonly address: Address;

  constructor(sandbox: Sandbox, address: Address) {
    this.sandbox = sandbox;
    this.address = address;
  }

  /** Creates the repository with immutable tags, as in many such environments. */
  async repository(repositoryName: string): Promise<RegistrySession> {
    const { account, region } = this.address;
    const settings = { repositoryName, imageTagMutability: 'IMMUTABLE' as const };
    return await RegistrySession.open(this.sandbox, settings, account, region);
  }

  /** Creates the cluster and the service with the image, and waits until it is steady. */
  async create(image: string): Promise<void> {
    const { cluster, service: serviceName } = this.address;
    await this.#ecs.send(new CreateClusterCommand({ clusterName: cluster }));
    const command = new CreateServiceCommand({
      cluster,
      serviceName,
      taskDefinition: await this.register(image),
      desiredCount: 1,
      launchType: 'FARGATE',
      networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
    });
    await this.#ecs.send(command);
    await this.steady();
  }

  /** Deploys an image like the tool, and waits until the service is steady. */
  async deploy(image: string): Promise<void> {
    const { cluster, service } = this.address;
    const taskDefinition = await this.register(image);
    await this.#ecs.send(new UpdateServiceCommand({ cluster, service, taskDefinition }));
    await this.steady();
  }

  /** Registers a revision without updating the service, like the tool. Returns its ARN. */
  async register(image: string, more: Partial<ContainerDefinition> = {}): Promise<string> {
    const { account, family, container } = this.address;
    const command = new RegisterTaskDefinitionCommand({
      family,
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      cpu: '256',
      memory: '512',
      executionRoleArn: `arn:aws:iam::${account}:role/ecs/execution`,
      containerDefinitions: [
        { name: 'proxy', image: 'public.ecr.aws/nginx/nginx:1.29', essential: true },
        { name: container, image, essential: true, ...more },
      ],
    });
    return (await this.#ecs.send(command)).taskDefinition?.taskDefinitionArn ?? '';
  }

  async steady(): Promise<void> {
    await untilSteady(this.#ecs, this.address);
  }

  /** The digests that the service's tasks run. */
  async runs(): Promise<string[]> {
    const { cluster, service, container } = this.address;
    const list = new ListTasksCommand({ cluster, serviceName: service });
    const { taskArns: tasks = [] } = await this.#ecs.send(list);
    const { tasks: found = [] } = await this.#ecs.send(new DescribeTasksCommand({ cluster, tasks }));
    const own = found.flatMap(({ containers = [] }) => containers.filter(({ name }) => name === container));
    return [...new Set(own.map(({ imageDigest }) => imageDigest ?? ''))];
  }

  /** The value of a parameter, or undefined if it does not exist. */
  async parameter(name: string): Promise<string | undefined> {
    const client = clientOf(this.sandbox, SSMClient, this.address.account, this.address.region);
    try {
      return (await client.send(new GetParameterCommand({ Name: name }))).Parameter?.Value;
    } catch (error) {
      if ((error as Error).name === 'ParameterNotFound') return undefined;
      throw error;
    }
  }

  get #ecs(): ECSClient {
    return clientOf(this.sandbox, ECSClient, this.address.account, this.address.region);
  }
}
