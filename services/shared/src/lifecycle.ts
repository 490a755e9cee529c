import { setTimeout as delay } from 'node:timers/promises';
import { integer, readEnvironment, text } from './environment.ts';
import type { Environment } from './environment.ts';
import { createLog } from './log.ts';
import type { Log, ServiceName } from './log.ts';
import type { Server } from './server.ts';

/** Starts listening, and stops within the ten seconds that the task definitions allow. */
export const serverSettings = {
  HOST: text('0.0.0.0'),
  PORT: integer(0, 65_535)(3000),
  SHUTDOWN_DELAY_MS: integer(0, 120_000)(3_000),
  SHUTDOWN_TIMEOUT_MS: integer(100, 120_000)(6_000),
};

export interface Running {
  port: number;
  log: Log;
  /** Resolves with the exit code once everything is closed. */
  stopped: Promise<number>;
  stop: (reason: string) => void;
}

/**
 * Listens, and on SIGTERM or SIGINT stops without losing a request: it reports not ready, so that it gets no new
 * traffic; keeps responding for SHUTDOWN_DELAY_MS, until every load balancer has noticed; then accepts no new
 * connections, completes the requests in progress, and closes their resources. SHUTDOWN_TIMEOUT_MS limits the rest.
 *
 * @param close closes what requests use (pools, exporters), in this order.
 */
export async function run(app: Server, env: Environment, close: (() => Promise<void>)[]): Promise<Running> {
  const settings = readEnvironment(serverSettings, env);
  await app.listen({ host: settings.HOST, port: settings.PORT });
  const { port } = app.server.address() as { port: number };

  let stop: (reason: string) => void = () => undefined;
  const stopped = new Promise<string>((resolve) => (stop = resolve)).then(async (reason) => {
    app.draining = true;
    app.log.info({ reason }, 'shutting down: no longer ready');
    await delay(settings.SHUTDOWN_DELAY_MS);
    try {
      const closed = await withTimeout(closeAll(app, close), settings.SHUTDOWN_TIMEOUT_MS);
      if (closed) app.log.info('stopped');
      else app.log.error('shutdown timed out with requests still in progress');
      return closed ? 0 : 1;
    } catch (error) {
      app.log.error({ err: error }, 'stopped, but failed to close some resources');
      return 1;
    }
  });
  return { port, log: app.log, stopped, stop };
}

async function withTimeout(work: Promise<void>, limitMs: number): Promise<boolean> {
  const timer = new AbortController();
  const limit = delay(limitMs, false, { signal: timer.signal }).catch(() => false);
  const done = await Promise.race([work.then(() => true), limit]);
  timer.abort();
  return done;
}

async function closeAll(app: Server, close: (() => Promise<void>)[]): Promise<void> {
  await app.close();
  for (const step of close) await step();
}

/**
 * The process of a service: starts it, stops it on the signals that ECS, Docker and a terminal send, and exits. If it
 * cannot start, it logs the reason in one line and exits with code 1.
 */
export async function runProcess(service: ServiceName, start: () => Promise<Running>): Promise<void> {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      createLog(service).fatal({ err: error }, 'unhandled error');
      process.exit(1);
    });
  }
  try {
    const running = await start();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, running.stop);
    process.exit(await running.stopped);
  } catch (error) {
    createLog(service).fatal({ err: error }, 'failed to start');
    process.exit(1);
  }
}
