/**
 * Bytes through the gateway, for edges that do not redirect: strong ETag from the manifest answered before any work, one range
 * (RFC 9110 section 14), HEAD, If-Range. How they are sent is in `send-bytes.ts`.
 */
import { contentTag, originalCacheControl, streamCacheControl } from '../deliver/answer.ts'
import { attachment, cacheTags, ORIGINAL_HEADERS } from '../deliver/headers.ts'
import type { Gateway } from '../gateway.ts'
import type { Hex } from '../model/ids.ts'
import type { ByteRange } from '../objects/store.ts'
import type { OriginalAnswer, Ready } from '../resolve/resolve.ts'
import type { MatrixContext } from './context.ts'
import { noneMatch } from './preconditions.ts'
import type { Presentation } from './presentation.ts'
import { sendBytes } from './send-bytes.ts'

/** Bytes, and what is said of them. */
export interface Content {
  readonly kind: 'ready' | 'original'
  readonly sha256: Hex
  readonly bytes: number
  readonly objectKey: string
  readonly headers: Record<string, string>
}

/**
 * A share link may be taken back at any time, so no copy under it is fresh for longer than a presigned URL lives; a signed URL
 * is good until it expires, whatever happens, and so is a copy of what it gives.
 */
const remainingMs = (
  { grantEndsAt }: Ready | OriginalAnswer,
  { link }: Presentation,
  { now, revocableMs }: { now: number; revocableMs: number },
): number | undefined => {
  const left = grantEndsAt === undefined ? undefined : grantEndsAt - now
  return link === 'share' ? Math.min(left ?? revocableMs, revocableMs) : left
}

/**
 * What the path alone admits is anybody's who has the path, and a shared cache that keys on it keeps the secret. A signature in
 * the query does not make an answer public: there are caches that leave the query out of their keys.
 */
const isShared = ({ visibility }: Ready | OriginalAnswer, { link }: Presentation): boolean =>
  visibility === 'public' || (visibility === 'private' && (link === 'path' || link === 'share'))

const contentOf = (
  answer: Ready | OriginalAnswer,
  { presentation, leftMs }: { presentation: Presentation; leftMs: number | undefined },
): Content => {
  const { pinned, download, link } = presentation
  const { asset, version, product, publication } = answer
  const isPublic = isShared(answer, presentation)
  const common = {
    'Matrix-Publication': String(publication),
    'X-Content-Type-Options': 'nosniff',
    'Accept-Ranges': 'bytes',
    ...(link !== undefined && { 'Referrer-Policy': 'no-referrer' }),
  }
  if (answer.kind === 'original') {
    const { sha256, bytes, objectKey, mediaType, filename } = answer
    return {
      kind: 'original',
      sha256,
      bytes,
      objectKey,
      headers: {
        ...common,
        ...ORIGINAL_HEADERS,
        'Content-Type': mediaType,
        'Content-Disposition': attachment(download ?? filename ?? `${asset}-v${version}`),
        'Cache-Control': originalCacheControl(leftMs),
        ...(link === undefined && { Vary: 'Authorization' }),
        'Cache-Tag': cacheTags({ asset, version, product }),
      },
    }
  }
  const { derivative, node, negotiated } = answer
  const vary = [negotiated ? 'Accept' : '', isPublic || link !== undefined ? '' : 'Authorization']
    .filter(Boolean)
    .join(', ')
  return {
    kind: 'ready',
    ...derivative,
    headers: {
      ...common,
      'Content-Type': derivative.mediaType,
      'Cache-Control': streamCacheControl({
        ...answer,
        sha256: derivative.sha256,
        pinned,
        isPublic,
        remainingMs: leftMs,
      }),
      ...(vary && { Vary: vary }),
      'Cache-Tag': cacheTags({ asset, version, product, node }),
    },
  }
}

/** One range of a representation; `undefined`: send it whole; `'unsatisfiable'`: 416. Several ranges are sent whole. */
export const parseRange = (header: string | undefined, bytes: number): ByteRange | 'unsatisfiable' | undefined => {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? []
  if (from === '' && to === '') return undefined
  if (from === '') {
    const length = Number(to)
    return length === 0 ? 'unsatisfiable' : { first: Math.max(0, bytes - length), last: bytes - 1 }
  }
  const first = Number(from)
  const last = to === '' ? bytes - 1 : Math.min(Number(to), bytes - 1)
  if (to !== '' && Number(to) < first) return undefined
  return first >= bytes ? 'unsatisfiable' : { first, last }
}

/** What an answer comes to when its bytes leave through us or a front of ours. */
export const contentFor = (
  answer: Ready | OriginalAnswer,
  presentation: Presentation,
  { clock, config }: Pick<Gateway, 'clock' | 'config'>,
): Content => {
  const leftMs = remainingMs(answer, presentation, { now: clock.now(), revocableMs: config.presignSeconds * 1000 })
  const { headers, ...content } = contentOf(answer, { presentation, leftMs })
  return { ...content, headers: { ...headers, ...validators(content.sha256) } }
}

export const validators = (sha256: Hex) => ({
  ETag: contentTag(sha256),
  'Repr-Digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
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
  { kind, sha256, bytes, objectKey, headers: all }: Content,
): Promise<Response> => {
  const etag = contentTag(sha256)
  if (!noneMatch(c.req.header('if-none-match'), etag)) return new Response(null, { status: 304, headers: all })
  const ifRange = c.req.header('if-range')
  const range =
    c.req.method === 'GET' && (ifRange === undefined || ifRange === etag)
      ? parseRange(c.req.header('range'), bytes)
      : undefined
  if (range === 'unsatisfiable')
    return new Response(null, {
      status: 416,
      headers: { 'Content-Range': `bytes */${bytes}`, 'Accept-Ranges': 'bytes' },
    })
  const length = range ? range.last - range.first + 1 : bytes
  const answerHeaders = {
    ...all,
    'Content-Length': String(length),
    ...(range && { 'Content-Range': `bytes ${range.first}-${range.last}/${bytes}` }),
  }
  const status = range ? 206 : 200
  if (c.req.method === 'HEAD') return new Response(null, { status, headers: answerHeaders })
  return sendBytes(c, gateway, { kind, objectKey, sha256, range }, { status, headers: answerHeaders })
}
