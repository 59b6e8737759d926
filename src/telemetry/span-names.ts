/**
 * What spans are called and say of themselves, all of them here: the conventions for messaging are still in development, so that a
 * name may change in one place. Names are few (routes, streams, statements, services); what is one of many is an attribute.
 *
 * Nothing of what is asked, sent or stored is in them: no query, no body, no value of a statement.
 */
import { type Attributes, SpanKind } from '@opentelemetry/api'

export interface SpanName {
  readonly name: string
  readonly kind: SpanKind
  readonly attributes: Attributes
  /** Where it began before it was known that there is anything to say. */
  readonly startTime?: number
}

/** `HTTP {method} {route}`; the route is known when the request has been answered. */
export const requestSpan = (): SpanName => ({ name: 'HTTP', kind: SpanKind.SERVER, attributes: {} })

export const requestEnd = ({
  method,
  route,
  path,
  status,
  requestId,
  correlationId,
  product,
}: {
  readonly method: string
  readonly route: string
  readonly path: string
  readonly status: number
  readonly requestId: string
  readonly correlationId: string
  readonly product: string | undefined
}): { readonly name: string; readonly attributes: Attributes } => ({
  name: `HTTP ${method} ${route}`,
  attributes: {
    'http.request.method': method,
    'http.route': route,
    'http.response.status_code': status,
    'url.path': path,
    'matrix.request.id': requestId,
    'matrix.correlation.id': correlationId,
    ...(product && { 'matrix.product': product }),
    ...(status >= 500 && { 'error.type': String(status) }),
  },
})

/** `SQL {operation} {table}`. */
export const statementSpan = (statement: { readonly name?: string; readonly text: string }): SpanName => {
  const { operation, table } = summaryOf(statement.text)
  return {
    name: `SQL ${operation}${table === undefined ? '' : ` ${table}`}`,
    kind: SpanKind.CLIENT,
    attributes: {
      'db.system.name': 'postgresql',
      'db.operation.name': operation,
      ...(table !== undefined && { 'db.collection.name': table }),
      ...(statement.name !== undefined && { 'matrix.statement': statement.name }),
    },
  }
}

const CHANGES = /\b(insert)\s+into\s+"?(\w+)|\b(update)\s+"?(\w+)"?(?:\s+\w+)?\s+set\b|\b(delete)\s+from\s+"?(\w+)/i
const READS = /\bfrom\s+"?(\w+)/i

/** A statement that changes anything is named for its first change, whatever it reads on the way. */
const summaryOf = (text: string): { readonly operation: string; readonly table: string | undefined } => {
  const [, ...words] = CHANGES.exec(text) ?? []
  const [change, changed] = words.filter(word => word !== undefined)
  if (change !== undefined) return { operation: change.toLowerCase(), table: changed }
  const [verb = 'statement'] = /[a-z]+/i.exec(text) ?? []
  const isRead = /^(select|with)$/i.test(verb)
  return isRead
    ? { operation: 'select', table: READS.exec(text)?.[1] }
    : { operation: verb.toLowerCase(), table: undefined }
}

/** `{service} {endpoint}`: of the store, the call and never the key. */
export const storeSpan = (bucket: string, operation: string): SpanName => ({
  name: `S3 ${operation}`,
  kind: SpanKind.CLIENT,
  attributes: { 'rpc.system.name': 's3', 'rpc.method': operation, 'aws.s3.bucket': bucket },
})

interface Message {
  readonly count?: number
  readonly id?: string
  readonly type?: string
  readonly bytes?: number
  /** Who hears it: a subscription, a consumer group. */
  readonly group?: string
  readonly address?: string
}

const messaging = (verb: 'publish' | 'process', stream: string, message: Message): Attributes => ({
  'messaging.system': 'matrix',
  'messaging.operation.name': verb,
  'messaging.operation.type': verb === 'publish' ? 'send' : 'process',
  'messaging.destination.name': stream,
  ...(message.count !== undefined && { 'messaging.batch.message_count': message.count }),
  ...(message.id !== undefined && { 'messaging.message.id': message.id }),
  ...(message.bytes !== undefined && { 'messaging.message.body.size': message.bytes }),
  ...(message.group !== undefined && { 'messaging.consumer.group.name': message.group }),
  ...(message.type !== undefined && { 'cloudevents.event_type': message.type }),
  ...(message.address !== undefined && { 'server.address': message.address }),
})

/** `publish {stream}`: events that get their numbers, and one that goes to a receiver. */
export const publishSpan = (stream: string, message: Message): SpanName => ({
  name: `publish ${stream}`,
  kind: SpanKind.PRODUCER,
  attributes: messaging('publish', stream, message),
})

/** `process {stream}`: work that is taken from a queue. */
export const processSpan = (stream: string, message: Message): SpanName => ({
  name: `process ${stream}`,
  kind: SpanKind.CONSUMER,
  attributes: messaging('process', stream, message),
})
