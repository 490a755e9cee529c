import type { Running } from '../../shared/src/lifecycle.ts';
import { startOrderService } from '../../order-service/src/service.ts';
import { startProductService } from '../../product-service/src/service.ts';
import { startUserService } from '../../user-service/src/service.ts';
import { freshDatabase, migrateSchema } from './database.ts';
import type { Schema } from './database.ts';
import { patience } from './patience.ts';

const starters = { users: startUserService, products: startProductService, orders: startOrderService };

export interface TestService {
  url: string;
  databaseUrl: string;
  stop(): Promise<number>;
}

/** A service inside the test's process, on a new database unless one is given. */
export async function startTestService(
  schema: Schema,
  options: { databaseUrl?: string; env?: Record<string, string> } = {},
): Promise<TestService> {
  const databaseUrl = options.databaseUrl ?? (await freshDatabase());
  await migrateSchema(databaseUrl, schema);
  const running: Running = await starters[schema]({
    DATABASE_URL: databaseUrl,
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'silent',
    SHUTDOWN_DELAY_MS: '0',
    ...patience,
    ...options.env,
  });
  const stop = () => {
    running.stop('the test is over');
    return running.stopped;
  };
  return { url: `http://127.0.0.1:${running.port}`, databaseUrl, stop };
}
