/**
 * Bytes through the gateway, for edges that do not redirect: strong ETag from the manifest answered before any work, one range
 * (RFC 9110 section 14), HEAD, If-Range. How they are sent is in `send-bytes.ts`.
 */
import { notModified, weigh } from '../deliver/conditions.ts'
import type { Gateway } from '../gateway.ts'
import type { OriginalAnswer, Ready } from '../resolve/resolve.ts'
import { conditionsOf, stateMissed } from './conditional.ts'
import { type Content, contentFor } from './content.ts'
import type { MatrixContext } from './context.ts'
import type { Presentation } from './presentation.ts'
import { sendBytes } from './send-bytes.ts'

/** What a 416 keeps of the answer that it stands for: who may read it, and what it depends on; never what describes the bytes. */
const unsatisfiable = (headers: Readonly<Record<string, string>>, bytes: number): Response =>
  new Response(null, {
    status: 416,
    headers: {
      ...notModified(headers),
      'Cache-Control': 'no-store',
      'Content-Range': `bytes */${bytes}`,
      'Accept-Ranges': 'bytes',
      'Content-Length': '0',
    },
  })

export const streamAnswer = (
  c: MatrixContext,
  gateway: Gateway,
  answer: Ready | OriginalAnswer,
  presentation: Presentation,
): Promise<Response> => streamContent(c, gateway, contentFor(answer, presentation, gateway))

export const streamContent = async (
  c: MatrixContext,
  gateway: Gateway,
  { kind, sha256, bytes, objectKey, headers }: Content,
): Promise<Response> => {
  const verdict = weigh(conditionsOf(c), { etag: headers.ETag, bytes })
  if (verdict === 'failed') throw stateMissed()
  if (verdict === 'unchanged') return new Response(null, { status: 304, headers: notModified(headers) })
  if (verdict === 'unsatisfiable') return unsatisfiable(headers, bytes)
  const range = verdict
  const length = range ? range.last - range.first + 1 : bytes
  const answerHeaders = {
    ...headers,
    'Content-Length': String(length),
    ...(range && { 'Content-Range': `bytes ${range.first}-${range.last}/${bytes}` }),
  }
  const status = range ? 206 : 200
  if (c.req.method === 'HEAD') return new Response(null, { status, headers: answerHeaders })
  return sendBytes(c, gateway, { kind, objectKey, sha256, bytes, range }, { status, headers: answerHeaders })
}
