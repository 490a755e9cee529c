import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CreateClusterCommand,
  type CreateServiceCommandInput,
  CreateServiceCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
} from '@aws-sdk/client-ecs';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { Sandbox } from '../../../sandbox/index.ts';
import type { TokenRegistry } from '../../../sandbox/registry/token-registry.ts';
import { node24 } from '../../runtime/node24.js';
import { clientOf, DEV } from '../../support/aws-clients.ts';
import { DockerPlayback } from '../../support/docker-playback.ts';
import { RegistrySession } from '../../support/registry.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import type { RunReport } from '../rehearsal/report.ts';
import type { Event, StandIn } from '../rehearsal/run.ts';
import { ROOT, withOwner, workflowFile } from '../workflow.ts';

export const PAGES = 'docs/migrate';
const CLUSTER = 'shop';
const OLD = `sha256:${'1'.repeat(64)}`;
const REGION = 'eu-west-1';

/** The folders in which the workflows build images. */
const CONTEXTS = ['.', 'web', 'proxy', 'report', 'services/web', 'services/api'];

/** What a workflow finds outside of AWS. */
export interface Surroundings {
  secrets?: Record<string, string>;
  /** Third-party actions without any effect here. */
  keeps?: readonly string[];
  /** Third-party actions with outputs. */
  standIns?: Record<string, StandIn>;
}

/** An account as a workflow finds it: what its tool created earlier with API calls, without stacks. */
export class MigrateScene {
  readonly sandbox: Sandbox;
  readonly docker: DockerPlayback;
  /** The repository of the workflow. */
  readonly folder: string;
  readonly #rehearsal: Rehearsal;
  readonly #name: string;
  /** Hosts of public registries, and their replacements here. */
  readonly #served: Record<string, string> = {};
  /** The inputs of the third-party actions that it keeps. */
  readonly kept: Record<string, Readonly<Record<string, string>>> = {};
  /** The digest of every built image. */
  built = '';
  /** The digest of the image that services run before. */
  readonly old = OLD;

  constructor(
    name: string,
    sandbox: Sandbox,
    workspaceOf: (files: Record<string, string>) => string,
    { secrets = {}, keeps = [], standIns = {} }: Surroundings,
  ) {
    this.#name = name;
    this.sandbox = sandbox;
    this.docker = new DockerPlayback(workspaceOf({}), {});
    this.folder = workspaceOf({});
    cpSync(join(ROOT, PAGES, name), this.folder, { recursive: true });
    for (const context of CONTEXTS) this.#write(join(context, 'Dockerfile'), 'FROM scratch\n');
    this.#rehearsal = new Rehearsal({
      sandbox,
      repository: this.folder,
      node: [node24()],
      env: this.docker.env,
      secrets,
      standIns: { ...standIns, ...Object.fromEntries(keeps.map((action) => [action, this.#keep(action)])) },
    });
  }

  #keep(action: string): StandIn {
    return ({ inputs }) => {
      this.kept[action] = inputs;
      return {};
    };
  }

  /** Runs the workflow after the migration. */
  play(event: Event): Promise<RunReport> {
    const path = `${PAGES}/${this.#name}/after.yml`;
    let text = withOwner(readFileSync(join(ROOT, path), 'utf8'));
    for (const [host, here] of Object.entries(this.#served)) text = text.replaceAll(host, here);
    return this.#rehearsal.play(workflowFile(path, text), event);
  }

  /** The output of `docker buildx bake --print`. */
  answerBake(plan: object): void {
    writeFileSync(join(this.docker.folder, 'bake.json'), JSON.stringify(plan));
  }

  /** A program of the runner that only records its calls, or runs a script of the workflow. */
  program(name: string, script = ''): void {
    const file = join(this.docker.folder, name);
    writeFileSync(file, `#!/bin/sh\nset -e\necho "${name} $*" >> "$PLAYBACK/programs"\n${script}\n`);
    chmodSync(file, 0o755);
  }

  /** The calls of the programs. */
  get programCalls(): string[] {
    return this.docker.read('programs').trim().split('\n').filter(Boolean);
  }

  /** A repository with the image that the next build will report as pushed. */
  async repository(repositoryName: string, { region = REGION, tag = 'pushed-before' } = {}): Promise<void> {
    const session = await RegistrySession.open(this.sandbox, { repositoryName }, DEV, region);
    this.built = await session.image(tag);
    this.docker.answer(this.built);
  }

  /** Starts a replacement for a public registry in the workflow. */
  async serve(publicHost: string): Promise<TokenRegistry> {
    const registry = await this.sandbox.openRegistry();
    this.#served[publicHost] = registry.host;
    return registry;
  }

  async cluster(clusterName: string, region = REGION): Promise<void> {
    await clientOf(this.sandbox, ECSClient, DEV, region).send(new CreateClusterCommand({ clusterName }));
  }

  /** A service with one task. Each container is its name, and `=` with the image if it is not the old one. */
  async service(
    name: string,
    containers: readonly string[],
    more: Partial<CreateServiceCommandInput> & { region?: string } = {},
  ): Promise<void> {
    const { region = REGION, ...changes } = more;
    const client = clientOf(this.sandbox, ECSClient, DEV, region);
    const cluster = changes.cluster ?? CLUSTER;
    await this.cluster(cluster, region);
    const taskDefinition = await this.revision(name, containers, {}, region);
    await client.send(
      new CreateServiceCommand({
        cluster,
        serviceName: name,
        taskDefinition,
        desiredCount: 1,
        launchType: 'FARGATE',
        networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
        ...changes,
      }),
    );
  }

  /** A revision of a family whose containers have an old image. */
  async revision(
    family: string,
    containers: readonly string[],
    changes: Partial<RegisterTaskDefinitionCommandInput> = {},
    region = REGION,
  ): Promise<string> {
    const command = new RegisterTaskDefinitionCommand({
      family,
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      cpu: '256',
      memory: '512',
      executionRoleArn: `arn:aws:iam::${DEV}:role/execution`,
      containerDefinitions: containers.map((container) => {
        const [one = '', image = `registry.example.com/${one}@${this.old}`] = container.split('=');
        return { name: one, image };
      }),
      ...changes,
    });
    const { taskDefinition } = await clientOf(this.sandbox, ECSClient, DEV, region).send(command);
    return taskDefinition?.taskDefinitionArn ?? '';
  }

  /** Waits until the service's task has pulled its image, at most a minute. */
  async started(service: string): Promise<void> {
    for (const end = Date.now() + 300_000; Date.now() < end;) {
      const [first = ''] = await this.runs(service);
      if (first.includes('sha256:')) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`${service} has no task`);
  }

  /** `container=digest` of a service's running tasks, without duplicates. */
  async runs(serviceName: string, { cluster = CLUSTER, region = REGION } = {}): Promise<string[]> {
    const client = clientOf(this.sandbox, ECSClient, DEV, region);
    const { taskArns = [] } = await client.send(new ListTasksCommand({ cluster, serviceName }));
    if (taskArns.length === 0) return [];
    const { tasks = [] } = await client.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
    const found = tasks.flatMap(({ containers = [] }) =>
      containers.map(({ name = '', imageDigest = '' }) => `${name}=${imageDigest}`),
    );
    return [...new Set(found)].sort();
  }

  async parameter(Name: string): Promise<string> {
    const { Parameter } = await clientOf(this.sandbox, SSMClient).send(new GetParameterCommand({ Name }));
    return Parameter?.Value ?? '';
  }

  #write(name: string, content: string): void {
    mkdirSync(join(this.folder, name, '..'), { recursive: true });
    writeFileSync(join(this.folder, name), content);
  }
}
