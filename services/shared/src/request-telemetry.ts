import { context, trace } from '@opentelemetry/api';
import type { Span } from '@opentelemetry/api';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Metrics } from './metrics.ts';
import type { Server } from './server.ts';
import { callerContext, markFailed, startSpan } from './tracing.ts';

/** Requested every few seconds by load balancers and Prometheus: neither traced nor logged if successful. */
const QUIET_ROUTES = /\/(health|ready|metrics)$/;

/** Creates a span in the caller's trace, a duration metric and one log line for every request. */
export function observeRequests(app: Server, metrics: Metrics): void {
  const spans = new WeakMap<FastifyRequest, Span>();

  app.addHook('onRequest', (request, _reply, done) => {
    const parent = callerContext(request.headers);
    const route = routeOf(request);
    if (QUIET_ROUTES.test(route)) {
      done();
      return;
    }
    const attributes = { 'http.request.method': request.method, 'http.route': route };
    const span = startSpan(`${request.method} ${route}`, { kind: 'server', attributes, parent });
    spans.set(request, span);
    context.with(trace.setSpan(parent, span), done);
  });

  app.addHook('onError', (request, _reply, error, done) => {
    const span = spans.get(request);
    if (span !== undefined) markFailed(span, error);
    done();
  });

  app.addHook('onResponse', (request, reply, done) => {
    const route = routeOf(request);
    metrics.observeRequest(request.method, route, reply.statusCode, reply.elapsedTime / 1000);
    const span = spans.get(request);
    if (span !== undefined)
      context.with(trace.setSpan(context.active(), span), logAnswer, undefined, request, reply);
    else if (reply.statusCode >= 500) logAnswer(request, reply);
    span?.setAttribute('http.response.status_code', reply.statusCode).end();
    done();
  });
}

/** The route pattern, not the URL: URLs contain ids and would create a time series each. */
const routeOf = (request: FastifyRequest) => request.routeOptions.url ?? 'unknown';

function logAnswer(request: FastifyRequest, reply: FastifyReply): void {
  const line = {
    method: request.method,
    route: routeOf(request),
    status: reply.statusCode,
    duration_ms: Math.round(reply.elapsedTime * 10) / 10,
  };
  request.log[reply.statusCode >= 500 ? 'error' : 'info'](line, 'answered');
}
