import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api';
import type { Attributes, Context, Span } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import type { Environment } from './environment.ts';
import type { Log } from './log.ts';

const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;

export interface SpanDescription {
  kind: keyof typeof kinds;
  attributes?: Attributes;
  parent?: Context;
}

/**
 * Starts tracing for this process. Every request has a trace id, for the log and for the services it calls. Spans are
 * sent over OTLP/HTTP only if OTEL_EXPORTER_OTLP_ENDPOINT is set.
 *
 * @returns a function that sends the remaining spans and ends tracing. If the collector is not available, such as a
 * sidecar that has already stopped, spans are lost with a warning, but nothing fails.
 */
export async function startTracing(
  service: { name: string; version: string },
  env: Environment,
  log: Pick<Log, 'warn'>,
): Promise<() => Promise<void>> {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const exported = env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': service.name,
      'service.version': service.version,
      'deployment.environment.name': env['APP_ENV'] ?? 'local',
    }),
    spanProcessors: exported ? [await exporter(env)] : [],
  });
  trace.setGlobalTracerProvider(provider);
  return async () => {
    try {
      await provider.shutdown();
    } catch (error) {
      log.warn({ err: error }, 'failed to send the last spans');
    }
  };
}

async function exporter(env: Environment) {
  const { otlpProcessor } = await import('./trace-export.ts');
  return otlpProcessor(env);
}

/** Starts a span, in the context of `parent` or in the active one. */
export function startSpan(name: string, description: SpanDescription): Span {
  const { kind, attributes = {}, parent = context.active() } = description;
  return trace.getTracer('services').startSpan(name, { kind: kinds[kind], attributes }, parent);
}

/** Runs the work inside a span that ends with it, and is marked as failed if the work rejects. */
export function inSpan<T>(
  name: string,
  description: SpanDescription,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const span = startSpan(name, description);
  return context.with(trace.setSpan(context.active(), span), async () => {
    try {
      return await work(span);
    } catch (error) {
      markFailed(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

export function markFailed(span: Span, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  span.setAttribute('error.type', error instanceof Error ? error.name : 'error');
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}

/** The caller's trace, from its `traceparent` header. */
export function callerContext(headers: Record<string, unknown>): Context {
  return propagation.extract(ROOT_CONTEXT, headers);
}

/** The headers with which the called service joins the active trace. */
export function traceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(context.active(), headers);
  return headers;
}
