/**
 * What leaves in place of what is not ready. None of it may be taken for the real thing later: it is never stored (`no-store`,
 * also said to CDNs alone, RFC 9213), has no validator that a cache could ask again with, is whole whatever range was asked
 * for, and says in `Matrix-Fallback` what it is.
 */
import { deprecationFields } from '../deliver/deprecation.ts'
import { drawPlaceholder, PLACEHOLDER_TYPE } from '../deliver/placeholder.ts'
import type { Gateway } from '../gateway.ts'
import { isMatrixError, type MatrixError, refuse } from '../model/errors.ts'
import type { Fallback, FallbackKind } from '../resolve/fallback.ts'
import type { Answer, Question, Ready } from '../resolve/resolve.ts'
import { requestOf } from './audit.ts'
import type { MatrixContext } from './context.ts'
import { crossOriginOf } from './cross-origin.ts'
import { noteAnswer } from './denials.ts'
import { RETRY_AFTER_SECONDS, statusUrl } from './pending.ts'
import type { Mode } from './presentation.ts'
import { resolutionDocument } from './ready.ts'
import { sendBytes } from './send-bytes.ts'

/** What stands in where a page shows a picture, unless the caller has said otherwise. */
const FOR_IMAGES: readonly FallbackKind[] = ['nearest', 'placeholder']
export const FALLBACKS = ['previous', 'none'] as const
export type FallbackChoice = (typeof FALLBACKS)[number]

/** `Prefer: fallback=previous` (RFC 7240), for URLs that take no parameters; or `?fallback=`. Throws `invalid-request`. */
export const parseFallback = (c: MatrixContext, query?: string): FallbackChoice | undefined => {
  const text = query ?? /(?:^|[,;\s])fallback=([\w-]{1,20})/i.exec(c.req.header('prefer') ?? '')?.[1]
  if (text === undefined) return undefined
  const choice = FALLBACKS.find(known => known === text)
  if (choice === undefined) throw refuse('invalid-request', `fallback is one of ${FALLBACKS.join(', ')}.`)
  return choice
}

const orderOf = (choice: FallbackChoice | undefined, { image }: { image: boolean }): readonly FallbackKind[] => {
  if (choice === 'none') return []
  return [...(choice === 'previous' ? (['previous'] as const) : []), ...(image ? FOR_IMAGES : [])]
}

/** Nothing was put into the queue, for there is no room in it now: what there is can be shown all the same. */
const isCrowded = (error: unknown): error is MatrixError =>
  isMatrixError(error, 'overloaded') || isMatrixError(error, 'rate-limited')

const isFallback = (found: Answer | Fallback): found is Fallback =>
  found.kind === 'nearest' || found.kind === 'previous' || found.kind === 'placeholder'

const isReady = ({ kind }: Answer): boolean => kind === 'ready' || kind === 'original'

export interface Wish {
  readonly choice: FallbackChoice | undefined
  /** The answer is going to be shown as a picture. */
  readonly image: boolean
  readonly mode: Mode | 'edge'
}

/** Resolves the question; what is not ready is answered by what the wish allows, or comes back as it is. */
export const resolveOrFallback = async (
  c: MatrixContext,
  gateway: Gateway,
  question: Question,
  { choice, image, mode }: Wish,
): Promise<Answer | Response> => {
  const { resolve, findFallback, metrics } = gateway
  const order = orderOf(choice, { image })
  if (order.length === 0) return resolve(question)
  let crowd: MatrixError | undefined
  const answer = await resolve(question).catch(error => {
    if (!isCrowded(error)) throw error
    crowd = error
    return undefined
  })
  if (answer !== undefined && isReady(answer)) return answer
  const found = await findFallback(question, order)
  if (!isFallback(found)) {
    if (crowd && !isReady(found)) throw crowd
    return found
  }
  metrics.resolutions.inc({ outcome: 'pending' })
  metrics.fallbacks.inc({ kind: found.kind })
  const headers = {
    ...headersOf(found, crowd?.retryAfterSeconds ?? RETRY_AFTER_SECONDS),
    ...crossOriginOf(c),
    ...endOf(found, question),
  }
  if (found.kind === 'placeholder') return placeholderResponse(c, found, headers)
  noteAnswer(gateway, found.ready, () => requestOf(c))
  return standInResponse(c, gateway, found.ready, { headers, mode: mode === 'edge' ? found.ready.delivery : mode })
}

/** RFC 9651: an item with parameters. */
const nameOf = (found: Fallback): string => {
  if (found.kind === 'placeholder') return found.kind
  const { rendition, format, version } = found.ready
  return found.kind === 'previous'
    ? `previous; version=${version}`
    : `nearest; rendition="${rendition}"; format="${format}"`
}

const headersOf = (found: Fallback, retryAfterSeconds: number): Record<string, string> => ({
  'Cache-Control': 'no-store',
  'CDN-Cache-Control': 'no-store',
  'Matrix-Fallback': nameOf(found),
  'Retry-After': String(retryAfterSeconds),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
})

/** Of what was asked for: whether another one that stands in for it is to go is nobody's matter here. */
const endOf = (found: Fallback, { rendition }: Pick<Question, 'rendition'>) =>
  found.kind !== 'placeholder' && found.ready.rendition === rendition && found.ready.deprecation
    ? deprecationFields(found.ready.deprecation)
    : {}

const isHead = (c: MatrixContext): boolean => c.req.method === 'HEAD'

const placeholderResponse = (
  c: MatrixContext,
  { look, size }: Extract<Fallback, { kind: 'placeholder' }>,
  headers: Record<string, string>,
): Response => {
  const png = drawPlaceholder(look, size)
  const all = { ...headers, 'Content-Type': PLACEHOLDER_TYPE, 'Content-Length': String(png.length) }
  return new Response(isHead(c) ? null : new Uint8Array(png), { headers: all })
}

const standInResponse = async (
  c: MatrixContext,
  gateway: Gateway,
  ready: Ready,
  { headers, mode }: { headers: Record<string, string>; mode: Mode },
): Promise<Response> => {
  const { presign, derivatives } = gateway
  const { objectKey: key, mediaType, sha256, bytes } = ready.derivative
  // A front is sent the bytes like everybody: it is not to keep what it was asked about this time.
  if (mode === 'stream' || mode === 'accel') {
    const all = { ...headers, 'Content-Type': mediaType, 'Content-Length': String(bytes) }
    if (isHead(c)) return new Response(null, { headers: all })
    return sendBytes(
      c,
      gateway,
      { kind: 'ready', objectKey: key, sha256, bytes, range: undefined },
      { status: 200, headers: all },
    )
  }
  const presigned = await presign(derivatives, { key, mediaType, notAfter: ready.grantEndsAt })
  if (mode === 'redirect') return new Response(null, { status: 302, headers: { ...headers, Location: presigned.url } })
  const { delivery, ...document } = resolutionDocument(ready, presigned)
  const stale = {
    ...document,
    state: 'stale',
    stale_reason: 'pending',
    delivery: { ...delivery, cacheable: false },
    retry_after: Number(headers['Retry-After']),
    status_url: statusUrl(gateway, ready.asset),
  }
  return Response.json(stale, { headers })
}
