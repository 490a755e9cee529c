import { Type } from 'typebox';
import type { Environment } from './environment.ts';
import { IdentitySchema, ReleaseIdentity } from './identity.ts';
import type { ServiceName } from './log.ts';
import type { Metrics } from './metrics.ts';
import { answerNotFound } from './problems.ts';
import { success } from './responses.ts';
import type { Server } from './server.ts';

const HealthSchema = Type.Object({ status: Type.String({ description: '`ok`.' }) }, { title: 'Health' });
const ReadySchema = Type.Object(
  {
    status: Type.String({ description: '`ready` or `not ready`.' }),
    reason: Type.Optional(Type.String({ description: 'Why it is not ready.' })),
  },
  { title: 'Readiness' },
);

/** What the OpenAPI document says about each endpoint. */
const endpoints = {
  health: {
    summary: 'Check that the process works',
    description: 'Never queries the database, which may be down or paused. For a load balancer.',
    response: { 200: success('The process works.', HealthSchema) },
  },
  ready: {
    summary: 'Check that requests can be served',
    description: 'Queries the database. For a smoke test.',
    response: {
      200: success('Requests can be served.', ReadySchema),
      503: success('The database does not respond, or the service is shutting down.', ReadySchema),
    },
  },
  version: {
    summary: 'Get the running release',
    response: { 200: success('The running release.', IdentitySchema) },
  },
  openapi: {
    summary: 'Get the OpenAPI document',
    response: { 200: success('The OpenAPI 3.1 document of the service.', Type.Unknown()) },
  },
  metrics: {
    summary: 'Get the metrics',
    description: 'For Prometheus, which connects directly: a request through the load balancer returns 404.',
    response: {
      200: {
        description: 'The metrics in the text format of Prometheus.',
        content: { 'text/plain': { schema: Type.String() } },
      },
    },
  },
};

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
 * Adds the endpoints that every service has. `/health` checks nothing but the process, so that an unavailable database
 * causes no restarts and can pause.
 */
export function addOperations(app: Server, operations: Operations): void {
  const { metrics, prefix } = operations;
  const identity = new ReleaseIdentity(operations.service, operations.env, app.log);
  const ready = readiness(app, operations.check);
  for (const path of prefix === undefined ? [''] : ['', prefix]) {
    app.get(`${path}/health`, { schema: endpoints.health }, () => ({ status: 'ok' }));
    app.get(`${path}/ready`, { schema: endpoints.ready }, ready);
    app.get(`${path}/version`, { schema: endpoints.version }, (_request, reply) => {
      void reply.header('cache-control', 'no-store');
      return identity.describe();
    });
    app.get(`${path}/openapi.json`, { schema: endpoints.openapi }, () => app.swagger());
  }
  app.get('/metrics', { schema: endpoints.metrics }, async (request, reply) => {
    // Requests through a load balancer are not local.
    if (request.headers['x-forwarded-for'] !== undefined) return answerNotFound(request);
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
}

type Reply = { code(status: number): unknown };

function readiness(app: Server, check: () => Promise<void> = () => Promise.resolve()) {
  let running: Promise<void> | undefined;
  const checkOnce = () => (running ??= check().finally(() => (running = undefined)));
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
