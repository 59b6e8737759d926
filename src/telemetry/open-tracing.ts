/** The SDK of OpenTelemetry, loaded where traces are wanted and nowhere else; it is no dependency of those who do not. */
import { context, trace } from '@opentelemetry/api'
import { ConfigError } from '../environment.ts'
import { type Tracing, tracingOver } from './tracing.ts'

interface Wanted {
  readonly tracing: 'auto' | 'otel' | 'off'
  readonly otlpEndpoint: string | undefined
  readonly otelServiceName: string
  readonly traceShare: number
}

const load = async () => {
  try {
    return await Promise.all([
      import('@opentelemetry/sdk-trace-node'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ])
  } catch (cause) {
    const packages = '@opentelemetry/sdk-trace-node @opentelemetry/exporter-trace-otlp-http'
    throw new ConfigError(`TRACING: needs packages of OpenTelemetry: npm install ${packages}`, { cause })
  }
}

/** `undefined`: not wanted. `part`: which process of the service this is. Throws `ConfigError`. */
export const openTracing = async (
  { tracing, otlpEndpoint, otelServiceName, traceShare }: Wanted,
  part: string,
): Promise<Tracing | undefined> => {
  if (tracing === 'off' || (tracing === 'auto' && otlpEndpoint === undefined)) return undefined
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await load()
  const base = (otlpEndpoint ?? 'http://localhost:4318').replace(/\/+$/, '')
  const provider = new sdk.NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': otelServiceName, 'matrix.process': part }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(traceShare) }),
    spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter({ url: `${base}/v1/traces` }))],
  })
  provider.register()
  return tracingOver(provider.getTracer('asset-matrix'), {
    async close() {
      // A collector that is away loses spans and keeps nobody from ending.
      await provider.shutdown().catch(() => undefined)
      trace.disable()
      context.disable()
    },
  })
}
