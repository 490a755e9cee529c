import { Type } from 'typebox';
import type { Environment } from './environment.ts';
import { IdentitySchema, ReleaseIdentity } from './identity.ts';
import type { ServiceName } from './log.ts';
import type { Metrics } from './metrics.ts';
import { answerNotFound } from './problems.ts';
import type { Server } from './server.ts';

const ReadySchema = Type.Object({ status: Type.String(), reason: Type.Optional(Type.String()) });

export interface Operations {
  service: ServiceName;
  metrics: Metrics;
  env: Environment;
  /** The checks that must pass before requests can be served; rejects if one fails. Never part of `/health`. */
  check?: () => Promise<void>;
  /** The path that the load balancer routes here: all endpoints except the metrics are also available below it. */
  prefix?: string;
}

/**
 * `/health`: the process responds. It checks nothing else, so that an unavailable database causes no restarts and can
 * pause. `/ready`: requests can be served: the database responds and no stop signal has arrived. `/version`: the
 * release. `/openapi.json`: the OpenAPI document. `/metrics`: for Prometheus, which connects directly.
 */
export function addOperations(app: Server, operations: Operations): void {
  const { metrics, prefix } = operations;
  const identity = new ReleaseIdentity(operations.service, operations.env, app.log);
  const ready = readiness(app, operations.check);
  for (const path of prefix === undefined ? [''] : ['', prefix]) {
    app.get(`${path}/health`, { schema: { hide: true } }, () => ({ status: 'ok' }));
    app.get(
      `${path}/ready`,
      { schema: { hide: true, response: { '2xx': ReadySchema, '5xx': ReadySchema } } },
      ready,
    );
    app.get(`${path}/version`, { schema: { response: { 200: IdentitySchema } } }, (_request, reply) => {
      void reply.header('cache-control', 'no-store');
      return identity.describe();
    });
    app.get(`${path}/openapi.json`, { schema: { hide: true } }, () => app.swagger());
  }
  app.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    // Requests through a load balancer are not local.
    if (request.headers['x-forwarded-for'] !== undefined) return answerNotFound(request);
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
}

type Reply = { code(status: number): unknown };

function readiness(app: Server, check: () => Promise<void> = () => Promise.resolve()) {
  let underWay: Promise<void> | undefined;
  const checkOnce = () => (underWay ??= check().finally(() => (underWay = undefined)));
  return async (_request: unknown, reply: Reply) => {
    if (app.draining) {
      reply.code(503);
      return { status: 'not ready', reason: 'shutting down' };
    }
    try {
      await checkOnce();
      return { status: 'ready' };
    } catch (error) {
      reply.code(503);
      return { status: 'not ready', reason: error instanceof Error ? error.message : String(error) };
    }
  };
}
