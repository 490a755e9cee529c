import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ECSClient, ListServiceDeploymentsCommand } from '@aws-sdk/client-ecs';
import { expect, test } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import { DEV, useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment, SMALL_PLATFORM } from '../../support/environment.ts';
import { LayoutWriter } from '../../support/oci.ts';
import { clientOf } from '../../unit/sandbox/clients.ts';

/** One release of a service is one rollout: its stack adopts what runs without another one. */

const newSandbox = useSandboxes();
const newWorkspace = useWorkspaces();

const api = (colour: string): string => `
Parameters:
  ServiceName: { Type: String }
  Image: { Type: 'AWS::SSM::Parameter::Value<String>' }
Resources:
  Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: dev-shop } }
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: api
      Cpu: '256'
      Memory: '512'
      NetworkMode: awsvpc
      RequiresCompatibilities: [FARGATE]
      ContainerDefinitions: [{ Name: api, Image: !Ref Image, Environment: [{ Name: COLOUR, Value: ${colour} }] }]
  Service:
    Type: AWS::ECS::Service
    Properties:
      ServiceName: !Ref ServiceName
      Cluster: !Ref Cluster
      TaskDefinition: !Ref Task
      DesiredCount: 1
      LaunchType: FARGATE
      NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-0a1b2c3d4e5f60718] } }
`;

class Platform {
  readonly sandbox: Sandbox;
  readonly workspace: string;
  #rollouts = 0;

  constructor(sandbox: Sandbox, workspace: string) {
    this.sandbox = sandbox;
    this.workspace = workspace;
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.workspace, file), text);
  }

  /** The workspace has another image from now on. */
  commit(version: string): void {
    const image = new LayoutWriter(join(this.workspace, 'image')).image([version]);
    this.write('image/index.json', JSON.stringify({ schemaVersion: 2, manifests: [image] }));
  }

  /** Deploys the workspace; the verdict on the service, and what it took. */
  async deploy(inputs: Record<string, string> = {}): Promise<{
    verdict: string;
    reason: string;
    rollouts: number;
    calls: string[];
  }> {
    const calls = this.sandbox.calls.all.length;
    const run = await deployEnvironment(this.sandbox, inputs, { workspace: this.workspace });
    const parts = run.result['parts'] as { name: string; verdict: string; reason: string }[];
    const { verdict = run.log, reason = '' } = parts.find(({ name }) => name === 'api') ?? {};
    const made = this.sandbox.calls.all.slice(calls).map(({ operation }) => operation);
    const changing = made.filter((name) => /^(?:ExecuteChangeSet|UpdateService|RegisterTask)/.test(name));
    return { verdict, reason, rollouts: await this.#newRollouts(), calls: changing };
  }

  /** How many rollouts the service had since this was last asked. */
  async #newRollouts(): Promise<number> {
    const client = clientOf(this.sandbox, ECSClient, DEV);
    const command = new ListServiceDeploymentsCommand({ cluster: 'dev-shop', service: 'api' });
    const { serviceDeployments = [] } = await client.send(command);
    const before = this.#rollouts;
    this.#rollouts = serviceDeployments.length;
    return this.#rollouts - before;
  }
}

async function made(): Promise<Platform> {
  const sandbox = await newSandbox({ timeScale: 100 });
  const workspace = newWorkspace({ ...SMALL_PLATFORM, 'api.yml': api('blue') });
  const platform = new Platform(sandbox, workspace);
  platform.commit('v1');
  expect(await platform.deploy()).toMatchObject({ verdict: 'created', rollouts: 1 });
  return platform;
}

test('each new image is one rollout, and the same commit again is none', async () => {
  const platform = await made();
  for (const version of ['v2', 'v3']) {
    platform.commit(version);
    expect(await platform.deploy()).toMatchObject({
      verdict: 'deployed',
      rollouts: 1,
      calls: ['RegisterTaskDefinition', 'UpdateService'],
    });
  }
  expect(await platform.deploy()).toMatchObject({ verdict: 'unchanged', rollouts: 0, calls: [] });
});
