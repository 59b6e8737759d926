/** A collector of spans, as OTLP over HTTP sends them in JSON. */
import { openHttp, type Place } from './sources.ts'

export interface Collected {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly attributes: Readonly<Record<string, unknown>>
  /** Which process of the service has sent it. */
  readonly process: string
}

export interface Collector extends Place {
  readonly url: string
  readonly spans: Collected[]
}

interface Attribute {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

const plain = ({ value }: Attribute): unknown =>
  value.intValue === undefined ? Object.values(value)[0] : Number(value.intValue)
const attributesOf = (all: readonly Attribute[] = []) => Object.fromEntries(all.map(one => [one.key, plain(one)]))

const read = (body: string): Collected[] => {
  const { resourceSpans } = JSON.parse(body)
  return resourceSpans.flatMap((sent: { resource: { attributes: Attribute[] }; scopeSpans: { spans: object[] }[] }) => {
    const from = String(attributesOf(sent.resource.attributes)['matrix.process'])
    return sent.scopeSpans.flatMap(({ spans }) =>
      spans.map(span => ({
        ...span,
        process: from,
        attributes: attributesOf((span as { attributes: Attribute[] }).attributes),
      })),
    )
  })
}

export const openCollector = async (): Promise<Collector> => {
  const spans: Collected[] = []
  const place = await openHttp((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      if (request.url === '/v1/traces') spans.push(...read(Buffer.concat(chunks).toString()))
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}')
    })
  })
  return { ...place, url: `http://127.0.0.1:${place.port}`, spans }
}
