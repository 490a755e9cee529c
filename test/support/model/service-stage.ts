import type { ECRClient } from '@aws-sdk/client-ecr';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  type ECSClient,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { ecs } from '../../../sandbox/ecs/api/service.ts';
import { ecsOf } from '../../../sandbox/ecs/model.ts';
import { ssm } from '../../../sandbox/ssm/service.ts';
import { World } from '../../../sandbox/world.ts';
import type { ServiceContext } from '../../../src/delivery/release/request.ts';
import { contextOf } from '../../unit/images/registry/context.ts';
import { DEV } from '../aws-clients.ts';
import { directClient } from './direct-client.ts';
import { VirtualClock } from './virtual-clock.ts';

export const CLUSTER = 'dev-platform';
export const SERVICE = 'user-service';

/** An image of the service in ECR. Tasks of a bad one exit. */
export function imageOf(index: number, isBad = false): string {
  const hex = isBad ? 'bad' : 'c';
  return `${DEV}.dkr.ecr.eu-west-1.amazonaws.com/${SERVICE}@sha256:${hex}${index.toString(16).padStart(64 - hex.length, '0')}`;
}

/** Simulated time does not wait for a registry, so images must not be read. */
const deniedEcr = {
  send: () =>
    Promise.reject(
      Object.assign(new Error('not authorized to perform: ecr:BatchGetImage'), {
        name: 'AccessDeniedException',
        $metadata: { httpStatusCode: 400 },
      }),
    ),
} as unknown as ECRClient;

/**
 * A service with one task in its own sandbox. The sandbox is called as a function, and its time is simulated, as is the
 * product's: a release takes a few milliseconds of CPU.
 */
export class ServiceStage {
  readonly clock = new VirtualClock();
  readonly #world: World;
  readonly #client: ECSClient;

  /** @param timeScale simulated seconds of the sandbox per second of the product. */
  constructor(timeScale: number) {
    const rules = [{ does: 'exit' as const, match: { image: '@sha256:bad' } }];
    this.#world = new World({ timeScale, timer: this.clock, scenario: { ecs: { rules } } });
    this.#client = directClient(ecs(this.#world)) as unknown as ECSClient;
  }

  /** Creates the service, whose circuit breaker stops a rollout without rolling back. */
  async create(image: string): Promise<void> {
    await this.#client.send(new CreateClusterCommand({ clusterName: CLUSTER }));
    const create = new CreateServiceCommand({
      cluster: CLUSTER,
      serviceName: SERVICE,
      taskDefinition: await this.#register(image),
      desiredCount: 1,
      launchType: 'FARGATE',
      networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } },
    });
    await this.#client.send(create);
  }

  /** Deploys an image like another tool, and waits until the rollout has ended. */
  async deploy(image: string): Promise<void> {
    const taskDefinition = await this.#register(image);
    await this.#client.send(new UpdateServiceCommand({ cluster: CLUSTER, service: SERVICE, taskDefinition }));
    while (this.state.isRollingOut) await this.clock.sleep(100);
  }

  /** The target of the service, and whether it has reached it: read between two calls. */
  get state(): { image: string; isRollingOut: boolean } {
    const [service] = ecsOf(this.#world, DEV, 'eu-west-1').services.values();
    const [primary, ...others] = service?.deployments ?? [];
    const image = primary?.revision.containerImages[0]?.image ?? '';
    return { image, isRollingOut: others.length > 0 || primary?.rolloutState === 'IN_PROGRESS' };
  }

  /** @param onCall is called with each operation of ECS before it is applied. */
  context(onCall?: (operation: string) => void): ServiceContext & { lines: string[] } {
    const own = directClient(ecs(this.#world), onCall) as unknown as ECSClient;
    const parameters = directClient(ssm(this.#world)) as unknown as SSMClient;
    const unused = (): never => {
      throw new Error('no history needs this service');
    };
    return {
      ...contextOf(),
      clock: this.clock,
      region: 'eu-west-1',
      env: { DOCKER_CONFIG: '/nonexistent' },
      ecs: () => Promise.resolve(own),
      ssm: () => Promise.resolve(parameters),
      elb: unused,
      logs: unused,
      ecr: () => Promise.resolve(deniedEcr),
      iam: unused,
      secretsManager: unused,
    };
  }

  async #register(image: string): Promise<string> {
    const command = new RegisterTaskDefinitionCommand({
      family: SERVICE,
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      cpu: '256',
      memory: '512',
      executionRoleArn: `arn:aws:iam::${DEV}:role/execution`,
      containerDefinitions: [{ name: SERVICE, image, essential: true }],
    });
    return (await this.#client.send(command)).taskDefinition!.taskDefinitionArn!;
  }
}
