import { trace } from '@opentelemetry/api';
import { pino } from 'pino';
import type { Logger } from 'pino';

export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;
export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** The service and its version, which are part of every line. */
export interface ServiceName {
  name: string;
  version: string;
}

/**
 * One JSON object per line on standard output: time (ISO 8601), level by name, service, version, and inside a request
 * the trace and span ids, so that a log line leads to its trace.
 */
export function createLog(service: ServiceName, level: (typeof logLevels)[number] = 'info'): Logger {
  return pino({
    level,
    base: { service: service.name, version: service.version },
    messageKey: 'message',
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    mixin: traceFields,
  });
}

function traceFields(): Record<string, string> {
  const span = trace.getActiveSpan()?.spanContext();
  return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
}
