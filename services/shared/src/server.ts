import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { LogController, fastify } from 'fastify';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { Logger } from 'pino';
import type { ServiceName } from './log.ts';
import { Metrics } from './metrics.ts';
import { answerError, answerNotFound } from './problems.ts';
import { observeRequests } from './request-telemetry.ts';
import { inputValidator } from './validation.ts';

export type Server = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

declare module 'fastify' {
  interface FastifyInstance {
    /** True from the first stop signal: the service is not ready, and every response closes its connection. */
    draining: boolean;
  }
}

const BODY_LIMIT_BYTES = 64 * 1024;

/**
 * Longer than the load balancer keeps an idle connection (60 s by default). Otherwise, it could use a connection that
 * was just closed, and return 502.
 */
const KEEP_ALIVE_MS = 75_000;
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * An HTTP server with what every service needs: input validation, problem responses, traces, metrics, and one log
 * line per request.
 */
export async function createServer(
  service: ServiceName,
  options: { log: Logger; metrics?: Metrics; title?: string },
): Promise<Server> {
  const { log, metrics = new Metrics(service.name) } = options;
  const loggerInstance: FastifyBaseLogger = log;
  const app: Server = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // A request that arrives while the server closes is still served.
    return503OnClosing: false,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.decorate('draining', false);
  app.setValidatorCompiler(inputValidator());
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(answerNotFound);
  observeRequests(app, metrics);
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (app.draining) reply.header('connection', 'close');
    done(null, payload);
  });
  const info = { title: options.title ?? service.name, version: service.version };
  await app.register(swagger, { openapi: { openapi: '3.1.0', info } });
  return app;
}
