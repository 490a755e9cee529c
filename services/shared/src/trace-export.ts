import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace';
import type { SpanProcessor } from '@opentelemetry/sdk-trace';
import type { Environment } from './environment.ts';

/** Of one export with its repetitions, where no variable says otherwise: the last one is part of stopping. */
const EXPORT_TIMEOUT_MS = 2_000;

/** Sends spans in batches; address, headers and timeout come from the standard OTEL_EXPORTER_OTLP_* variables. */
export function otlpProcessor(env: Environment): SpanProcessor {
  const given = env['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT'] ?? env['OTEL_EXPORTER_OTLP_TIMEOUT'];
  const timeout = given === undefined ? { timeoutMillis: EXPORT_TIMEOUT_MS } : {};
  return new BatchSpanProcessor({ exporter: new OTLPTraceExporter(timeout) });
}
