import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import manifest from '../package.json' with { type: 'json' };
import { createService } from './service.ts';

/**
 * How long requests are still served after SIGTERM, until every load balancer has noticed. ECS kills the task after
 * ten seconds.
 */
const SHUTDOWN_DELAY_MS = Number(process.env['SHUTDOWN_DELAY_MS'] ?? 3000);

const log = (message: string): void => {
  console.log(JSON.stringify({ time: new Date().toISOString(), service: manifest.name, message }));
};

const service = createService(manifest);
service.server.listen(Number(process.env['PORT'] ?? 3000), process.env['HOST'] ?? '0.0.0.0');
await once(service.server, 'listening');
log('started');

await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
log('stopping');
service.drain();
await delay(SHUTDOWN_DELAY_MS);
service.server.close();
service.server.closeIdleConnections();
await once(service.server, 'close');
log('stopped');
