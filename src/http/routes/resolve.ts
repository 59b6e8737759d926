/**
 * Parsed by hand rather than by schema, answered with plain `Response`s: measured, each small middleware costs a tenth of the
 * throughput of the whole. What is plain and ready is answered before it comes here, in `warm-lane.ts`.
 */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { resolutionCacheControl, resolutionTag } from '../../deliver/answer.ts'
import { cacheTags } from '../../deliver/headers.ts'
import type { Gateway } from '../../gateway.ts'
import { DPRS, type Dpr, ORIGINAL } from '../../model/delivery-path.ts'
import { refuse } from '../../model/errors.ts'
import { NAME_PATTERN, UUID_PATTERN } from '../../model/ids.ts'
import { FORMATS, type Format } from '../../model/recipe.ts'
import { unauthenticated } from '../../policy/authenticate.ts'
import { nothingHere } from '../../resolve/permit.ts'
import type { Answer, OriginalAnswer, Question, Ready } from '../../resolve/resolve.ts'
import { accelResponse } from '../accel.ts'
import { addressOf } from '../address.ts'
import { requestOf } from '../audit.ts'
import { documentResponse } from '../conditional.ts'
import type { Env, MatrixContext } from '../context.ts'
import { learnFor } from '../cross-origin.ts'
import { noteAnswer } from '../denials.ts'
import { parseFallback, resolveOrFallback } from '../fallback.ts'
import { parseLeast } from '../least.ts'
import { pendingResponse } from '../pending.ts'
import { DELIVERY_MODES, type Mode, type Presentation } from '../presentation.ts'
import {
  originalDocument,
  originalObject,
  redirectHeaders,
  resolutionDocument,
  resolutionHeaders,
  sayCommon,
} from '../ready.ts'
import { noteSpan } from '../spans.ts'
import { streamAnswer } from '../stream.ts'
import { explainAnswer } from './explain.ts'
import { documentResolve } from './resolve.openapi.ts'

const QUERY_KEYS = new Set(['format', 'version', 'wait', 'delivery', 'explain', 'as', 'min', 'fallback', 'dpr'])

/** A path segment that cannot be a name of anything is answered like one that names nothing. */
const pathPart = (value: string | undefined, pattern: RegExp): string => {
  if (value === undefined || !pattern.test(value)) throw nothingHere()
  return value
}

export const parseFormat = (value: string | undefined): Format | 'auto' => {
  if (value === undefined || value === 'auto') return 'auto'
  const format = value === 'jpg' ? 'jpeg' : FORMATS.find(known => known === value)
  if (format === undefined) throw refuse('invalid-request', `The format is one of auto, ${FORMATS.join(', ')}.`)
  return format
}

/** `Prefer: wait=N` in seconds (RFC 7240 section 4.3), or `?wait=`; bounded by what this gateway allows. */
export const parseWait = (
  c: MatrixContext,
  query: string | undefined,
  { defaultMs, maxMs }: { defaultMs: number; maxMs: number },
): number => {
  const text = query ?? /(?:^|[,;\s])wait=(\d{1,5})/i.exec(c.req.header('prefer') ?? '')?.[1]
  if (text === undefined) return defaultMs
  const seconds = Number(text)
  if (!Number.isFinite(seconds) || seconds < 0) throw refuse('invalid-request', 'wait is a number of seconds.')
  return Math.min(seconds * 1000, maxMs)
}

const parseQuery = (
  c: MatrixContext,
): Partial<
  Record<'format' | 'version' | 'wait' | 'delivery' | 'explain' | 'as' | 'min' | 'fallback' | 'dpr', string>
> => {
  if (!c.req.url.includes('?')) return {}
  const query: Record<string, string> = {}
  for (const [key, values] of Object.entries(c.req.queries())) {
    if (!QUERY_KEYS.has(key)) throw refuse('invalid-request', `There is no parameter ${key.slice(0, 40)}.`)
    if (values.length > 1) throw refuse('invalid-request', `The parameter ${key} was given twice.`)
    query[key] = values[0] ?? ''
  }
  return query
}

const parseVersion = (text: string | undefined): number | undefined => {
  if (text === undefined || text === 'current') return undefined
  const version = Number(text)
  if (!/^\d{1,9}$/.test(text) || version < 1) throw refuse('invalid-request', 'version is a number from 1, or current.')
  return version
}

const parseDpr = (text: string | undefined): Dpr | undefined => {
  if (text === undefined || text === '1') return undefined
  const dpr = DPRS.find(known => String(known) === text)
  if (dpr === undefined) throw refuse('invalid-request', `dpr is one of 1, ${DPRS.join(', ')}.`)
  return dpr
}

const parseMode = (c: MatrixContext, text: string | undefined): Exclude<Mode, 'accel'> => {
  if (text === undefined) return c.req.header('accept')?.includes('application/json') ? 'json' : 'redirect'
  const mode = DELIVERY_MODES.find(known => known === text)
  if (mode === undefined) throw refuse('invalid-request', `delivery is one of ${DELIVERY_MODES.join(', ')}.`)
  return mode
}

const wantsExplanation = ({ explain, as }: ReturnType<typeof parseQuery>): boolean => {
  if (explain !== undefined && !/^[01]$/.test(explain)) throw refuse('invalid-request', 'explain is 1 or 0.')
  if (as !== undefined && explain !== '1') throw refuse('invalid-request', 'as goes with explain=1.')
  return explain === '1'
}

export const resolveRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { config, identify, metrics } = gateway

  app.get('/v1/products/:product/assets/:asset/renditions/:rendition', async c => {
    c.set('asked', { link: undefined, isKept: true, browser: undefined })
    const credential = await identify(c.req.header('authorization'))
    if (credential.secretHash === undefined && credential.proven === undefined) throw unauthenticated()
    const account = await c.get('admit')(credential)
    const query = parseQuery(c)
    const mode = parseMode(c, query.delivery)
    const choice = parseFallback(c, query.fallback)
    const waitMs = parseWait(c, query.wait, { defaultMs: 0, maxMs: config.maxWaitMs })
    const question: Question = {
      ...credential,
      account,
      traceparent: c.get('traceparent'),
      product: pathPart(c.req.param('product'), NAME_PATTERN),
      asset: pathPart(c.req.param('asset'), UUID_PATTERN),
      version: parseVersion(query.version),
      rendition: pathPart(c.req.param('rendition'), NAME_PATTERN),
      dpr: parseDpr(query.dpr),
      format: parseFormat(query.format),
      accept: c.req.header('accept'),
      least: parseLeast(c, query.min),
      waitMs,
      countSharers: mode === 'json',
      address: addressOf(c),
      signal: waitMs > 0 ? c.req.raw.signal : undefined,
      learn: learnFor(c),
      wait: () => c.set('waits', true),
    }
    if (question.dpr !== undefined && question.rendition === ORIGINAL)
      throw refuse('invalid-request', 'An original is what it is on every screen: dpr goes with renditions.')
    if (wantsExplanation(query)) return explainAnswer(c, gateway, { ...question, mode, as: query.as, fallback: choice })
    const startedAt = performance.now()
    const answer = await resolveOrFallback(c, gateway, question, { choice, image: false, mode })
    noteSpan(c, 'resolve', startedAt)
    if (answer instanceof Response) return answer
    metrics.resolutions.inc({ outcome: answer.kind })
    return answerResponse(c, gateway, answer, {
      mode,
      pinned: question.version !== undefined,
      download: undefined,
      link: undefined,
      needsCredential: true,
      modeNegotiated: query.delivery === undefined,
      origin: c.req.header('origin'),
    })
  })

  documentResolve(app)
}

/** Shared by the resolve API and the delivery URLs. */
export const answerResponse = (
  c: MatrixContext,
  gateway: Gateway,
  answer: Answer,
  presentation: Presentation,
): Response | Promise<Response> => {
  if (answer.kind === 'pending' || answer.kind === 'unpublished') return pendingResponse(c, gateway, answer)
  noteAnswer(gateway, answer, () => requestOf(c))
  if (presentation.mode === 'accel') return accelResponse(c, gateway, answer, presentation)
  if (presentation.mode === 'stream') return streamAnswer(c, gateway, answer, presentation)
  return answer.kind === 'original'
    ? originalResponse(c, gateway, answer, presentation)
    : readyResponse(c, gateway, answer, presentation)
}

const readyResponse = async (
  c: MatrixContext,
  { locate, clock }: Gateway,
  answer: Ready,
  presentation: Presentation,
): Promise<Response> => {
  const located = await locate(answer)
  const shown = { ...presentation, now: clock.now() }
  if (presentation.mode === 'redirect')
    return new Response(null, { status: 302, headers: redirectHeaders(answer, located, shown) })
  const headers = resolutionHeaders(answer, located, shown)
  return documentResponse(c, headers, resolutionDocument(answer, located))
}

const originalResponse = async (
  c: MatrixContext,
  { presign, originals, clock }: Gateway,
  answer: OriginalAnswer,
  presentation: Presentation,
): Promise<Response> => {
  const { mode, download } = presentation
  const { asset, version, product, publication } = answer
  const presigned = await presign(originals, originalObject(answer, download))
  const { url, expiresAt } = presigned
  const headers = {
    'Matrix-Publication': String(publication),
    'Cache-Tag': cacheTags({ asset, version, product }),
    'Cache-Control': resolutionCacheControl(expiresAt - clock.now()),
    'X-Content-Type-Options': 'nosniff',
  }
  sayCommon(headers, answer, presentation)
  if (mode === 'redirect')
    return new Response(null, {
      status: 302,
      headers: { ...headers, Location: url, 'Referrer-Policy': 'no-referrer', 'Content-Length': '0' },
    })
  const tagged = { ...headers, ETag: resolutionTag(`${publication}.original`, expiresAt) }
  return documentResponse(c, tagged, originalDocument(answer, presigned))
}
