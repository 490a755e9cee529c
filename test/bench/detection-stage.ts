import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  DescribeServiceDeploymentsCommand,
  ECSClient,
  ListServiceDeploymentsCommand,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';
import { startSandbox } from '../../sandbox/index.ts';
import { runAction, type Run } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';

const CLUSTER = 'bench';

/** Services in a sandbox in real time, each with a rollout of a different duration. */
export interface Stage {
  client: ECSClient;
  cluster: string;
  service(index: number): string;
  /** Runs update-service for a service. */
  deploy(index: number): Promise<Run>;
  /** The time of its UpdateService. */
  asked(index: number): Promise<number>;
  /** The time at which ECS completed its latest deployment, in ms. */
  endOf(index: number): Promise<number>;
  close(): Promise<void>;
}

const service = (index: number): string => `service-${index}`;
const image = (index: number, digit: string): string =>
  `registry.example.com/${service(index)}@sha256:${digit.repeat(64)}`;

/** Starts the services, one for each boot time in seconds, and waits until they are steady. */
export async function detectionStage(boots: readonly number[]): Promise<Stage> {
  const rules = boots.flatMap((bootSeconds, index) => [
    { does: 'run' as const, match: { image: image(index, '1') }, pullSeconds: 0, bootSeconds: 0 },
    { does: 'run' as const, match: { image: image(index, '2') }, bootSeconds },
  ]);
  const sandbox = await startSandbox({ timeScale: 1, scenario: { ecs: { rules } } });
  const env = sandbox.env();
  const client = new ECSClient({
    endpoint: sandbox.url,
    region: env['AWS_REGION'] ?? '',
    credentials: {
      accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  });
  await client.send(new CreateClusterCommand({ clusterName: CLUSTER }));
  await Promise.all(boots.map((_, index) => createService(client, index)));
  await steady(client, boots.length);
  return {
    client,
    cluster: CLUSTER,
    service,
    deploy: (index) =>
      runAction('update-service', {
        node: [node24()],
        env,
        inputs: { cluster: CLUSTER, service: service(index), image: image(index, '2') },
        limitMs: 300_000,
      }),
    asked: async (index) => {
      for (;;) {
        const call = sandbox.calls.of('UpdateService').find(({ input }) => {
          return (input as { service?: string }).service === service(index);
        });
        if (call) return Date.now();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    endOf: async (index) => {
      const list = new ListServiceDeploymentsCommand({ cluster: CLUSTER, service: service(index) });
      const [newest] = (await client.send(list)).serviceDeployments ?? [];
      const arns = [newest?.serviceDeploymentArn ?? ''];
      const command = new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: arns });
      const finishedAt = (await client.send(command)).serviceDeployments?.[0]?.finishedAt;
      if (!finishedAt) throw new Error(`the rollout of ${service(index)} has not ended`);
      return finishedAt.getTime();
    },
    close: () => sandbox.close(),
  };
}

async function createService(client: ECSClient, index: number): Promise<void> {
  const family = service(index);
  const definition = new RegisterTaskDefinitionCommand({
    family,
    networkMode: 'awsvpc',
    requiresCompatibilities: ['FARGATE'],
    cpu: '256',
    memory: '512',
    containerDefinitions: [{ name: 'app', image: image(index, '1') }],
  });
  await client.send(definition);
  await client.send(
    new CreateServiceCommand({
      cluster: CLUSTER,
      serviceName: family,
      taskDefinition: family,
      desiredCount: 2,
      launchType: 'FARGATE',
      networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
    }),
  );
}

async function steady(client: ECSClient, count: number): Promise<void> {
  const services = Array.from({ length: count }, (_, index) => service(index));
  for (;;) {
    const found = await client.send(new DescribeServicesCommand({ cluster: CLUSTER, services }));
    const states = (found.services ?? []).flatMap(({ deployments = [] }) => deployments);
    if (states.length === count && states.every(({ rolloutState }) => rolloutState === 'COMPLETED')) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
