import type { Environment, Running } from '@services/shared';
import { startOrderService } from '../order-service/src/service.ts';
import { startProductService } from '../product-service/src/service.ts';
import { startUserService } from '../user-service/src/service.ts';
import type { OpenApi } from './open-api.ts';

/** The services with an API, in the order of the page. */
const starters: Record<string, (env: Environment) => Promise<Running>> = {
  'user-service': startUserService,
  'product-service': startProductService,
  'order-service': startOrderService,
};

/** No server listens on port 9 (discard): the OpenAPI document needs neither the database nor other services. */
const UNREACHABLE = '127.0.0.1:9';

const env: Environment = {
  DATABASE_URL: `postgresql://reference@${UNREACHABLE}/reference`,
  USERS_URL: `http://${UNREACHABLE}`,
  PRODUCTS_URL: `http://${UNREACHABLE}`,
  HOST: '127.0.0.1',
  PORT: '0',
  LOG_LEVEL: 'silent',
  SHUTDOWN_DELAY_MS: '0',
};

/** The OpenAPI documents that the services serve, by service. */
export async function readDocuments(): Promise<Map<string, OpenApi>> {
  const documents = new Map<string, OpenApi>();
  for (const [name, start] of Object.entries(starters)) {
    const running = await start(env);
    try {
      const response = await fetch(`http://127.0.0.1:${running.port}/openapi.json`);
      if (!response.ok) throw new Error(`${name}: /openapi.json returned ${response.status}`);
      documents.set(name, (await response.json()) as OpenApi);
    } finally {
      running.stop('the document has been read');
      await running.stopped;
    }
  }
  return documents;
}
