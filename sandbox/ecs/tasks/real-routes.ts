import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { World } from '../../world.ts';
import { type Cluster, type Ecs, type Service, shiftsTraffic, type Task } from '../model.ts';
/** The header that selects the test revision, as in the rules of templates/fargate.yml. */
const TEST_HEADER = 'x-platform-test';
/** The longest delay that a timer supports, in ms. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Replaces the load balancer and Service Connect for real tasks: one address per world, whose paths start with the
 * account, the cluster and the service. A request is forwarded to a healthy task, by the traffic weights.
 */
class RealRoutes {
  readonly #world: World;
  readonly #services = new Map<string, Service>();
  #port = 0;
  #count = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Listens until the sandbox closes. */
  async open(): Promise<void> {
    const server = createServer((incoming, outgoing) => {
      this.#forward(incoming, outgoing);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#world.run(async () => {
      try {
        await this.#world.clock.pause(MAX_DELAY_MS);
      } finally {
        server.close();
        server.closeAllConnections();
      }
    });
  }

  urlOf(key: string): string {
    return `http://127.0.0.1:${this.#port}/${key}`;
  }

  add(key: string, service: Service): void {
    this.#services.set(key, service);
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const [, key = '', path = '/'] = /^\/([^/]+\/[^/]+\/[^/]+)(\/.*)?$/.exec(incoming.url ?? '') ?? [];
    const service = this.#services.get(key);
    const task = service && this.#choose(service, incoming.headers[TEST_HEADER] === service.name);
    if (!task) {
      outgoing.writeHead(503, { 'content-type': 'text/plain' }).end('Service Temporarily Unavailable\n');
      return;
    }
    const { method, headers } = incoming;
    const forwarded = httpRequest(
      { host: '127.0.0.1', port: task.realPort, path, method, headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    forwarded.on('error', () => {
      if (!outgoing.headersSent) outgoing.writeHead(502);
      outgoing.end();
    });
    incoming.pipe(forwarded);
  }

  /** Round robin over the healthy tasks. With traffic shifting, by the weights. */
  #choose(service: Service, tested: boolean): Task | undefined {
    this.#count += 1;
    const healthy = [...service.tasks].filter((task) => task.healthy && task.realPort !== undefined);
    const weightOf = ({ deployment }: Task): number =>
      (tested ? deployment?.revision.testWeight : deployment?.revision.productionWeight) ?? 0;
    const shares = new Map(healthy.map((task) => [task.deployment?.revision, weightOf(task)]));
    let place = this.#count % 100;
    const weighted =
      (tested || shiftsTraffic(service)) && [...shares].find(([, weight]) => (place -= weight) < 0)?.[0];
    const group = weighted ? healthy.filter((task) => task.deployment?.revision === weighted) : healthy;
    return group[this.#count % Math.max(1, group.length)];
  }
}

const OPENED = new WeakMap<World, RealRoutes>();

/** Starts to listen and returns the address. */
export async function openRealRoutes(world: World): Promise<string> {
  const routes = new RealRoutes(world);
  await routes.open();
  OPENED.set(world, routes);
  return routes.urlOf('').replace(/\/$/, '');
}

function routesOf(world: World): RealRoutes {
  const routes = OPENED.get(world);
  if (!routes) throw new Error('the routes of real tasks are not open');
  return routes;
}

/** The URL of a service's real tasks. */
export function realServiceUrl(ecs: Ecs, cluster: Cluster, service: string): string {
  return routesOf(ecs.world).urlOf(`${ecs.account}/${cluster.name}/${service}`);
}

/** Makes a service with real tasks reachable. */
export function addRoute(service: Service): void {
  const { ecs, cluster, name } = service;
  routesOf(ecs.world).add(`${ecs.account}/${cluster.name}/${name}`, service);
}
