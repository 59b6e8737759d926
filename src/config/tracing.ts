/** Traces, by the names that OpenTelemetry has given its own variables. Spread into the list of all variables. */
import { declare, oneOf, optional, ratio, text, url } from '../environment.ts'

export const TRACING = {
  tracing: declare(
    'TRACING',
    oneOf('auto', 'otel', 'off'),
    'auto',
    'Whether spans are sent to a collector: `otel`, `off`, or `auto`: where OTEL_EXPORTER_OTLP_ENDPOINT names one. Needs the packages @opentelemetry/sdk-trace-node and @opentelemetry/exporter-trace-otlp-http.',
  ),
  otlpEndpoint: optional(
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    url('http:', 'https:'),
    'Collector of spans, by OTLP over HTTP; /v1/traces is put behind it. With TRACING=otel by default http://localhost:4318.',
  ),
  otelServiceName: declare('OTEL_SERVICE_NAME', text, 'asset-matrix', 'Name of the service in traces.'),
  traceShare: declare(
    'OTEL_TRACES_SAMPLER_ARG',
    ratio,
    '1',
    'Share of the traces that begin here which is recorded, 0 to 1; whoever brings a trace decides himself.',
  ),
} as const
