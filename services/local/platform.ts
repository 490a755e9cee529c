import { randomBytes } from 'node:crypto';
import { freePort } from './free-port.ts';
import { ServiceProcess, runToEnd } from './service-process.ts';
import type { ServiceName } from './service-process.ts';

const withDatabase = ['user-service', 'product-service', 'order-service'] as const;

export interface PlatformOptions {
  databaseUrl: string;
  /** The one address of all services; default: a free port. */
  port?: number;
  /** More variables for every service. */
  env?: Record<string, string>;
  onLine?: (service: ServiceName, line: string) => void;
}

export interface Platform {
  url: string;
  services: Record<ServiceName, ServiceProcess>;
  stop(): Promise<void>;
}

/** Brings the three schemas of a database up to date. */
export async function migrateAll(databaseUrl: string): Promise<void> {
  for (const service of withDatabase) {
    await runToEnd(service, 'dist/migrate.js', [], { DATABASE_URL: databaseUrl });
  }
}

/** Starts all services behind the gateway, on loopback, against a migrated database. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { databaseUrl, onLine = () => undefined } = options;
  const started: ServiceProcess[] = [];
  const common = { SERVICE_TOKEN: randomBytes(24).toString('hex'), ...options.env };
  const start = async (service: ServiceName, env: Record<string, string>, port?: number) => {
    const variables = { ...common, ...env };
    const process = await ServiceProcess.start(service, port ?? (await freePort()), variables, (line) => {
      onLine(service, line);
    });
    started.push(process);
    return process;
  };
  const stop = async () => {
    for (const process of started.reverse()) await process.stop();
  };
  try {
    const database = { DATABASE_URL: databaseUrl };
    const users = await start('user-service', database);
    const products = await start('product-service', database);
    const orders = await start('order-service', {
      ...database,
      USERS_URL: users.url,
      PRODUCTS_URL: products.url,
    });
    const frontend = await start('frontend', {});
    const ROUTES = `/api/users=${users.url} /api/products=${products.url} /api/orders=${orders.url} /=${frontend.url}`;
    const gateway = await start('gateway', { ROUTES }, options.port);
    return {
      url: gateway.url,
      services: {
        'user-service': users,
        'product-service': products,
        'order-service': orders,
        frontend,
        gateway,
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
