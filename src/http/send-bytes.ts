/**
 * A body of bytes on its way out: a small derivative from memory, in one write; everything else as a stream. On a socket node's
 * stream goes to node's response, which passes back-pressure on to S3; a web stream between them takes two thirds of the
 * throughput. The head is left to the end of the request, when everybody has set his headers.
 *
 * A client that goes away ends the read from S3; a read that breaks off ends the answer below its Content-Length, and one that
 * nobody takes from ends after `STREAM_STALL_MS`, for it holds a connection to S3.
 */
import type { ServerResponse } from 'node:http'
import { pipeline, Readable } from 'node:stream'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { HotObject } from '../deliver/hot-bytes.ts'
import { verified } from '../deliver/verified.ts'
import type { Gateway } from '../gateway.ts'
import { isMatrixError } from '../model/errors.ts'
import type { ByteRange } from '../objects/store.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { MatrixContext } from './context.ts'
import { noteSpan } from './spans.ts'

export interface Wanted extends HotObject {
  readonly kind: 'ready' | 'original'
  readonly range: ByteRange | undefined
}

/** Nobody reads it: the one who asked has gone. */
const nobodyThere = (): Response => new Response(null, { status: 499 })

/** Progress of what is written counts; whoever takes the least of it now and then is not cut off. */
export const cutOffStalled = (outgoing: ServerResponse | undefined, stallMs: number): void =>
  void outgoing?.setTimeout(stallMs, () => outgoing.destroy())

const openSource = async (
  { originals, derivatives }: Gateway,
  { kind, objectKey: key, sha256, range }: Wanted,
  signal: AbortSignal,
): Promise<Readable> => {
  const store = kind === 'original' ? originals : derivatives
  const source = await store.get({ key, ...(range && { range }), signal })
  // A part has no digest of its own.
  return range ? source : verified(source, { key, sha256 })
}

/** The answer with the bytes; the head says how many. */
export const sendBytes = async (
  c: MatrixContext,
  gateway: Gateway,
  wanted: Wanted,
  head: { readonly status: number; readonly headers: Record<string, string> },
): Promise<Response> => {
  const { range } = wanted
  // Originals are large, and few ask for the same one.
  const whole = wanted.kind === 'ready' ? await gateway.hotBytes.read(wanted) : undefined
  if (whole) {
    cutOffStalled(c.env?.outgoing as ServerResponse | undefined, gateway.config.streamStallMs)
    return new Response(range ? whole.subarray(range.first, range.last + 1) : whole, head)
  }
  const { signal } = c.req.raw
  let source: Readable
  const startedAt = performance.now()
  try {
    source = await openSource(gateway, wanted, signal)
  } catch (error) {
    if (signal.aborted) return nobodyThere()
    throw error
  }
  noteSpan(c, 's3', startedAt)
  // Requests that come without a socket (tests) have no node response.
  if (c.env?.outgoing === undefined) return new Response(Readable.toWeb(source) as ReadableStream, head)
  c.set('leaving', { status: head.status, source })
  return new Response(null, head)
}

/** To be called once the answer is what it will be; does nothing for answers without a stream. */
export const sendLeaving = (
  c: MatrixContext,
  { log, metrics, stallMs }: { log: Log; metrics: Metrics; stallMs: number },
): void => {
  const leaving = c.get('leaving')
  if (leaving === undefined) return
  const { status, source } = leaving
  if (c.res.status !== status) return void source.destroy() // something else is answered
  const outgoing = c.env.outgoing as ServerResponse
  const requestId = c.get('requestId')
  outgoing.writeHead(status, Object.fromEntries(c.res.headers))
  cutOffStalled(outgoing, stallMs)
  pipeline(source, outgoing, error => {
    if (!isMatrixError(error)) return // sent, or nobody there any more
    metrics.answersBroken.inc()
    log.warn({ err: error, requestId }, 'answer broken off')
  })
  c.res = undefined
  c.res = RESPONSE_ALREADY_SENT
}
