import type { CreateRepositoryCommandInput } from '@aws-sdk/client-ecr';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import type { CreateServiceCommandInput, Deployment, UpdateServiceCommandInput } from '@aws-sdk/client-ecs';
import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import type { Sandbox, SandboxOptions, Scenario } from '../../sandbox/index.ts';
import { runAction } from '../../sandbox/runner.ts';
import type { Run, RunOptions } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';
import { clientOf, sandboxOf, ssmOf } from '../unit/sandbox/clients.ts';
import { pushMultiPlatform } from './multi-platform.ts';
import { RegistrySession } from './registry.ts';
import { arnOf, bootstrapRoles, jobOf } from './roles.ts';

export const ACCOUNTS = { dev: '111111111111', staging: '222222222222', prod: '333333333333' } as const;
export type EnvironmentName = keyof typeof ACCOUNTS;

const PROJECT = 'shop';
const ENVIRONMENTS: readonly EnvironmentName[] = ['dev', 'staging'];
const FARGATE = {
  networkMode: 'awsvpc' as const,
  requiresCompatibilities: ['FARGATE' as const],
  cpu: '256',
  memory: '512',
};

export interface WorldOptions extends Pick<SandboxOptions, 'timeScale'> {
  scenario?: Scenario;
  services?: readonly string[];
  environments?: readonly EnvironmentName[];
  repository?: Partial<CreateRepositoryCommandInput>;
}

/**
 * A platform in several accounts: the bootstrap's roles, clusters, repositories and services that run `v1` of their
 * image everywhere.
 */
export class PromotionWorld {
  readonly sandbox: Sandbox;
  readonly services: readonly string[];
  readonly environments: readonly EnvironmentName[];
  readonly #registries = new Map<string, RegistrySession>();

  private constructor(
    sandbox: Sandbox,
    { services = ['user-service'], environments = ENVIRONMENTS }: WorldOptions,
  ) {
    this.sandbox = sandbox;
    this.services = services;
    this.environments = environments;
  }

  static async start(options: WorldOptions = {}): Promise<PromotionWorld> {
    const { scenario, timeScale = 2000, repository = {}, environments = ENVIRONMENTS } = options;
    const roles = await bootstrapRoles({
      project: PROJECT,
      environments: Object.fromEntries(environments.map((name) => [name, ACCOUNTS[name]])),
      ...(scenario?.github?.repository !== undefined && { repository: scenario.github.repository }),
    });
    const sandbox = await sandboxOf({
      timeScale,
      scenario: { ...scenario, roles: [...roles, ...(scenario?.roles ?? [])] },
    });
    const world = new PromotionWorld(sandbox, options);
    for (const name of world.environments) await world.#prepare(name, repository);
    return world;
  }

  ecs(environment: EnvironmentName): ECSClient {
    return clientOf(this.sandbox, ECSClient, ACCOUNTS[environment]);
  }

  /** The repository of a service in an environment's account. */
  registry(environment: EnvironmentName, service = this.services[0] ?? ''): RegistrySession {
    const found = this.#registries.get(`${environment}/${service}`);
    if (!found) throw new Error(`there is no repository of ${service} in ${environment}`);
    return found;
  }

  /** Pushes an image of two platforms with attestations. Returns its digest. */
  async push(environment: EnvironmentName, service: string, tag: string): Promise<string> {
    const content = { shared: `${service} ${tag}`, own: (name: string) => `${service} ${tag} ${name}` };
    return (await pushMultiPlatform(this.registry(environment, service), tag, content)).digest;
  }

  /** Pushes a new image to dev, deploys it, and writes the ledger, including its source. Returns its digest. */
  async release(
    service: string,
    tag: string,
    environment: EnvironmentName = 'dev',
    source: object = {},
  ): Promise<string> {
    const digest = await this.deploy(service, tag, environment);
    await this.steady(environment, service);
    await this.#record(environment, service, digest, tag, source);
    return digest;
  }

  /** Deploys a new image by hand without writing the ledger. Returns its digest. */
  async deploy(
    service: string,
    tag: string,
    environment: EnvironmentName,
    settings: Partial<UpdateServiceCommandInput> = {},
  ): Promise<string> {
    const digest = await this.push(environment, service, tag);
    const taskDefinition = await this.#register(environment, service, digest);
    const cluster = `${environment}-${PROJECT}`;
    const command = new UpdateServiceCommand({ cluster, service, taskDefinition, ...settings });
    await this.ecs(environment).send(command);
    return digest;
  }

  /** The digests that the tasks of a service run. */
  async runs(environment: EnvironmentName, service = this.services[0] ?? ''): Promise<string[]> {
    const cluster = `${environment}-${PROJECT}`;
    const client = this.ecs(environment);
    const { taskArns: tasks = [] } = await client.send(
      new ListTasksCommand({ cluster, serviceName: service }),
    );
    if (tasks.length === 0) return [];
    const { tasks: found = [] } = await client.send(new DescribeTasksCommand({ cluster, tasks }));
    const digests = found.flatMap(({ containers = [] }) =>
      containers.map(({ imageDigest }) => imageDigest ?? ''),
    );
    return [...new Set(digests)];
  }

  /** Waits until a service has one deployment that is complete. */
  async steady(environment: EnvironmentName, service: string): Promise<void> {
    const isSteady = ({ rolloutState }: Deployment, others: number): boolean =>
      rolloutState === 'COMPLETED' && others === 0;
    await this.until(environment, service, isSteady);
  }

  /** Waits until the primary deployment of a service meets a condition. */
  async until(
    environment: EnvironmentName,
    service: string,
    wanted: (primary: Deployment, others: number) => boolean,
  ): Promise<void> {
    const client = this.ecs(environment);
    for (const end = Date.now() + 300_000; ;) {
      const command = new DescribeServicesCommand({
        cluster: `${environment}-${PROJECT}`,
        services: [service],
      });
      const [found] = (await client.send(command)).services ?? [];
      const [primary, ...others] = found?.deployments ?? [];
      if (primary && wanted(primary, others.length)) return;
      if (Date.now() > end)
        throw new Error(`${service} is not as wanted: ${JSON.stringify(found?.deployments)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async parameter(environment: EnvironmentName, name: string): Promise<string | undefined> {
    const command = new GetParameterCommand({ Name: `/${PROJECT}/${environment}/${name}` });
    try {
      return (await ssmOf(this.sandbox, ACCOUNTS[environment]).send(command)).Parameter?.Value;
    } catch (error) {
      if ((error as Error).name === 'ParameterNotFound') return undefined;
      throw error;
    }
  }

  async put(environment: EnvironmentName, name: string, value: string): Promise<void> {
    const parameter = { Name: `/${PROJECT}/${environment}/${name}`, Value: value, Type: 'String' as const };
    await ssmOf(this.sandbox, ACCOUNTS[environment]).send(
      new PutParameterCommand({ ...parameter, Overwrite: true }),
    );
  }

  /** The platform's manifest. `more` is added to each environment, `service` to each service. */
  manifest(more: Partial<Record<EnvironmentName, string>> = {}, service = ''): string {
    const from: Partial<Record<EnvironmentName, EnvironmentName>> = { staging: 'dev', prod: 'staging' };
    const lines = [`project: ${PROJECT}`, 'region: eu-west-1', 'environments:'];
    for (const name of this.environments) {
      const upstream = from[name];
      lines.push(`  ${name}:`, `    account: '${ACCOUNTS[name]}'`);
      for (const [key, role] of [
        ['role', 'deploy'],
        ['plan-role', 'plan'],
      ])
        lines.push(`    ${key}: ${arnOf(ACCOUNTS[name], `${PROJECT}-${name}-${role}`)}`);
      if (upstream !== undefined) lines.push(`    promote-from: ${upstream}`);
      if (more[name] !== undefined) lines.push(`    ${more[name]}`);
    }
    lines.push('stacks: {}', 'services:');
    for (const [index, name] of this.services.entries()) {
      lines.push(
        `  ${name}: { path: services/${name}, paths: [/${name}], priority: ${100 + index}${service} }`,
      );
    }
    return `${lines.join('\n')}\n`;
  }

  async #prepare(
    environment: EnvironmentName,
    repository: Partial<CreateRepositoryCommandInput>,
  ): Promise<void> {
    const client = this.ecs(environment);
    await client.send(new CreateClusterCommand({ clusterName: `${environment}-${PROJECT}` }));
    for (const service of this.services) {
      const settings = {
        repositoryName: `${PROJECT}/${service}`,
        imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION' as const,
        imageTagMutabilityExclusionFilters: [{ filterType: 'WILDCARD' as const, filter: 'env-*' }],
        ...repository,
      };
      if (settings.imageTagMutability === 'IMMUTABLE') settings.imageTagMutabilityExclusionFilters = [];
      const session = await RegistrySession.open(this.sandbox, settings, ACCOUNTS[environment]);
      this.#registries.set(`${environment}/${service}`, session);
      const digest = await this.push(environment, service, 'v1');
      await this.create(environment, service, {
        taskDefinition: await this.#register(environment, service, digest),
      });
      await this.#record(environment, service, digest, 'v1');
    }
    await Promise.all(this.services.map((service) => this.steady(environment, service)));
  }

  async create(
    environment: EnvironmentName,
    service: string,
    settings: Partial<CreateServiceCommandInput>,
  ): Promise<void> {
    const command = new CreateServiceCommand({
      cluster: `${environment}-${PROJECT}`,
      serviceName: service,
      desiredCount: 1,
      launchType: 'FARGATE',
      networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
      ...settings,
    });
    await this.ecs(environment).send(command);
  }

  async #register(environment: EnvironmentName, service: string, digest: string): Promise<string> {
    const image = `${this.registry(environment, service).uri}@${digest}`;
    const command = new RegisterTaskDefinitionCommand({
      ...FARGATE,
      family: `${environment}-${PROJECT}-${service}`,
      executionRoleArn: arnOf(ACCOUNTS[environment], `${environment}-${PROJECT}-execution`),
      containerDefinitions: [{ name: service, image, essential: true }],
    });
    return (await this.ecs(environment).send(command)).taskDefinition?.taskDefinitionArn ?? '';
  }

  async #record(
    environment: EnvironmentName,
    service: string,
    digest: string,
    tag: string,
    source: object = {},
  ): Promise<void> {
    const image = `${this.registry(environment, service).uri}@${digest}`;
    const commit = Buffer.from(tag.padEnd(20, '.')).toString('hex');
    const release = {
      image,
      commit,
      run: `https://runs/${tag}`,
      actor: 'ada',
      at: new Date().toISOString(),
      from: '',
      ...source,
    };
    await this.put(environment, `${service}/image`, image);
    await this.put(environment, `${service}/release`, JSON.stringify(release));
  }
}

/**
 * Runs the committed bundle of promote-environment on the Node.js of GitHub's runner, in a job without AWS keys.
 * Read-only commands have no GitHub environment, so they can use the read-only roles.
 */
export function promoteEnvironment(
  { sandbox }: Pick<PromotionWorld, 'sandbox'>,
  workspace: string,
  inputs: Record<string, string>,
  options: RunOptions = {},
): Promise<Run> {
  const { to = 'staging' } = inputs;
  const job = jobOf(sandbox, to, inputs);
  return runAction('promote-environment', {
    token: sandbox.tokens.installation,
    ...options,
    workspace,
    node: options.node ?? [node24()],
    inputs: { to, 'lock-timeout': '0s', timeout: '280s', ...inputs },
    env: { ...sandbox.env(ACCOUNTS.dev), ...job, ...options.env },
  });
}
