import { randomBytes } from 'node:crypto';
import { freePort } from './free-port.ts';
import { ServiceProcess, runToEnd } from './service-process.ts';
import type { ServiceName } from './service-process.ts';

const withDatabase = ['user-service', 'product-service', 'order-service'] as const;

export interface PlatformOptions {
  databaseUrl: string;
  /** The port of the gateway. Default: a free port. */
  port?: number;
  /** Number of processes of each service. With more than one, calls between services also go through the gateway. */
  instances?: number;
  /** Additional variables for every service. */
  env?: Record<string, string>;
  onLine?: (service: ServiceName, line: string) => void;
}

export interface Platform {
  url: string;
  processes(service: ServiceName): ServiceProcess[];
  /** Resolves with the exit codes. */
  stop(): Promise<(number | null)[]>;
}

/** Migrates the three schemas of a database. */
export async function migrateAll(databaseUrl: string): Promise<void> {
  for (const service of withDatabase) {
    await runToEnd(service, 'dist/migrate.js', [], { DATABASE_URL: databaseUrl });
  }
}

/** Starts all services behind the gateway, on the loopback interface, with a migrated database. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { instances = 1, port = await freePort() } = options;
  const url = `http://127.0.0.1:${port}`;
  const group = new ProcessGroup(options);
  try {
    const database = { DATABASE_URL: options.databaseUrl };
    const users = await group.start('user-service', database, instances);
    const products = await group.start('product-service', database, instances);
    const links =
      instances === 1 ? { USERS_URL: users, PRODUCTS_URL: products } : { USERS_URL: url, PRODUCTS_URL: url };
    const orders = await group.start('order-service', { ...database, ...links }, instances);
    const frontend = await group.start('frontend', {}, instances);
    const ROUTES = `/api/users=${users} /api/products=${products} /api/orders=${orders} /=${frontend}`;
    await group.start('gateway', { ROUTES }, 1, port);
    return { url, processes: (service) => group.of(service), stop: () => group.stop() };
  } catch (error) {
    await group.stop();
    throw error;
  }
}

class ProcessGroup {
  readonly #options: PlatformOptions;
  readonly #started: { service: ServiceName; process: ServiceProcess }[] = [];
  readonly #token = randomBytes(24).toString('hex');

  constructor(options: PlatformOptions) {
    this.#options = options;
  }

  of(service: ServiceName): ServiceProcess[] {
    return this.#started.filter((entry) => entry.service === service).map(({ process }) => process);
  }

  /** Starts processes of a service, and returns their addresses in the gateway's format. */
  async start(
    service: ServiceName,
    env: Record<string, string>,
    count: number,
    port?: number,
  ): Promise<string> {
    const variables = { SERVICE_TOKEN: this.#token, ...this.#options.env, ...env };
    const onLine = (line: string) => this.#options.onLine?.(service, line);
    for (let index = 0; index < count; index += 1) {
      const process = await ServiceProcess.start(service, port ?? (await freePort()), variables, onLine);
      this.#started.push({ service, process });
    }
    return this.of(service)
      .map(({ url }) => url)
      .join('|');
  }

  /** Stopped in reverse order, so that no service calls one that has stopped. */
  async stop(): Promise<(number | null)[]> {
    const codes: (number | null)[] = [];
    for (const { process } of this.#started.reverse()) codes.push(await process.stop());
    return codes;
  }
}
