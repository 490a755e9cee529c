import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace';
import type { SpanProcessor } from '@opentelemetry/sdk-trace';
import type { Environment } from './environment.ts';

/** The timeout of one export with its retries, unless a variable sets it: the last export is part of the shutdown. */
const EXPORT_TIMEOUT_MS = 2_000;

/** Sends spans in batches. The endpoint, headers and timeout come from the standard OTEL_EXPORTER_OTLP_* variables. */
export function otlpProcessor(env: Environment): SpanProcessor {
  const given = env['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT'] ?? env['OTEL_EXPORTER_OTLP_TIMEOUT'];
  const timeout = given === undefined ? { timeoutMillis: EXPORT_TIMEOUT_MS } : {};
  return new BatchSpanProcessor({ exporter: new OTLPTraceExporter(timeout) });
}
