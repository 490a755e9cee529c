import type { Service } from '../service.ts';
import type { World } from '../world.ts';

type Loader = (world: World) => Promise<Service>;

/** Each service by its signing name, loaded on its first call: the sandbox starts at once, whatever it holds. */
const LOADERS: Record<string, Loader> = {
  cloudformation: async (world) => (await import('../cloudformation/service.ts')).cloudFormation(world),
  sts: async (world) => (await import('./sts.ts')).sts(world),
  ssm: async (world) => (await import('./ssm.ts')).ssm(world),
  ecr: async (world) => (await import('./ecr.ts')).ecr(world),
  ecs: async (world) => (await import('../ecs/service.ts')).ecs(world),
  elasticloadbalancing: async (world) => (await import('../elb/service.ts')).loadBalancing(world),
  logs: async (world) => (await import('../logs/service.ts')).logs(world),
  monitoring: async (world) => (await import('../cloudwatch/service.ts')).cloudWatch(world),
  servicequotas: async (world) => (await import('./quotas.ts')).quotas(world),
  s3: async (world) => (await import('./s3.ts')).s3(world),
};

/** The services of one world. */
export class Services {
  readonly #world: World;
  readonly #loaded = new Map<string, Promise<Service>>();

  constructor(world: World) {
    this.#world = world;
  }

  async find(name: string): Promise<Service | undefined> {
    const loader = Object.hasOwn(LOADERS, name) ? LOADERS[name] : undefined;
    if (!loader) return undefined;
    const service = this.#loaded.get(name) ?? loader(this.#world);
    this.#loaded.set(name, service);
    return service;
  }
}
