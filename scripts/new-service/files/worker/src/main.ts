import { handle } from './handle.ts';
import { heartbeat } from './heartbeat.ts';
import { openQueue } from './queue.ts';
import { work } from './worker.ts';
import manifest from '../package.json' with { type: 'json' };

const log = (message: string, more: object = {}): void => {
  console.log(JSON.stringify({ time: new Date().toISOString(), service: manifest.name, message, ...more }));
};

/** SIGTERM ends the poll for messages. The current message is completed, for which ECS waits up to two minutes. */
const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    stop.abort();
  });
}

log('started');
await work({ queue: openQueue(process.env['QUEUE_URL']), handle, heartbeat, log, signal: stop.signal });
log('stopped');
