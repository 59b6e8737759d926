/**
 * Delivery URLs (model/delivery-path.ts): the path is identity, so that a CDN may key on it. `/i/{product}/{asset}/…`, the same
 * behind a signature (`/s/…`, or in the query) and behind the token of a share link (`/share/…`).
 */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { ANYBODY } from '../../deliver/cross-origin.ts'
import type { Gateway } from '../../gateway.ts'
import { withoutControls } from '../../lib/plain-text.ts'
import {
  type CanonicalPath,
  canonicalDeliveryPath,
  type DeliveryPath,
  INFO,
  isAdHoc,
  isPathProblem,
  writeDeliveryPath,
} from '../../model/delivery-path.ts'
import { refuse } from '../../model/errors.ts'
import { ANONYMOUS } from '../../policy/credentials.ts'
import { invalidSignature } from '../../policy/prove-link.ts'
import { invalidPath } from '../../resolve/ad-hoc.ts'
import type { Question } from '../../resolve/resolve.ts'
import { FRONT_HEADER, openFront } from '../accel.ts'
import { addressOf } from '../address.ts'
import { isLasting, presentResponse } from '../as-of.ts'
import type { Env, MatrixContext } from '../context.ts'
import { crossOriginOf, learnFor } from '../cross-origin.ts'
import { parseFallback, resolveOrFallback } from '../fallback.ts'
import { hintsOf } from '../hints.ts'
import { infoResponse } from '../info.ts'
import { parseLeast } from '../least.ts'
import { type Link, placeOf, readLink, targetOf } from '../link.ts'
import { noteSpan } from '../spans.ts'
import { wantsImage } from '../wants-image.ts'
import { parseWait } from './resolve.ts'

/** Images in a page are worth a short wait; what stands in for what is not ready then, or 202, no cache keeps. */
const DEFAULT_WAIT_MS = 2_000

const nothingHere = () => refuse('not-found', 'There is nothing under this path.')

/** Only originals take a parameter; anything else in the query would make a second cache key for the same bytes. */
const parseDownload = (query: string, rendition: string): string | undefined => {
  if (query === '') return undefined
  const [[name, value] = [], ...others] = new URLSearchParams(query)
  if (others.length > 0 || name !== 'dl' || value === undefined || rendition !== 'original')
    throw refuse('invalid-request', 'The path takes no parameters; originals take one dl.')
  return withoutControls(value).slice(0, 255)
}

const splitQuery = (target: string): readonly [path: string, query: string] => {
  const mark = target.indexOf('?')
  return mark === -1 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)]
}

const PATH = '/i/:product/:asset/:version/:file{.+}'
const ROUTES = [PATH, `/s/:proof${PATH}`, `/share/:token${PATH}`] as const

const requirePath = (path: string): CanonicalPath => {
  const read = canonicalDeliveryPath(path)
  if (!isPathProblem(read)) return read
  const { key, detail } = read
  throw key === undefined ? nothingHere() : invalidPath({ key, detail })
}

/** What nobody could have been given a signature for is answered like what has a wrong one: it says nothing about the rest. */
const parseTarget = (target: string, link: Link | undefined) => {
  try {
    const [sent = '', query = ''] = link === undefined ? splitQuery(target) : [link.path, link.query]
    const { path, asked } = requirePath(sent)
    return { asked, sent, path, query, download: parseDownload(query, asked.rendition) }
  } catch (error) {
    throw link?.signed === undefined ? error : invalidSignature()
  }
}

/** To another path behind the same link. */
const sentOn = (target: string, path: string, headers: Readonly<Record<string, string>>): Response =>
  new Response(null, { status: 308, headers: { Location: target.slice(0, target.indexOf('/i/')) + path, ...headers } })

/**
 * Sent on to the one spelling of what was asked for. That says nothing of what there is, so anybody is told and any cache may
 * keep it; for a day, for the grammar may learn.
 */
const moved = (target: string, { path, query }: { path: string; query: string }): Response =>
  sentOn(target, `${path}${query && `?${query}`}`, { 'Cache-Control': 'public, max-age=86400', ...ANYBODY })

/** The ladder is the edge's own, so this is for whoever may know, and not for long: it may be another tomorrow. */
const onLadder = (c: MatrixContext, target: string, asked: DeliveryPath): Response =>
  sentOn(target, writeDeliveryPath(asked), { 'Cache-Control': 'private, max-age=60', ...crossOriginOf(c) })

export const deliverRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { config, identify, metrics } = gateway
  const front = openFront(gateway)

  const deliver = async (c: MatrixContext): Promise<Response> => {
    const target = targetOf(c)
    c.set('asked', { link: placeOf(target), isKept: true, browser: undefined })
    const link = readLink(target)
    const { asked, sent, path, query, download } = parseTarget(target, link)
    // A signature is of one spelling and nobody here can make it for another, so what is signed is answered as it was sent.
    if (path !== sent && link?.signed === undefined) return moved(target, { path, query })
    const { product, asset, version, rendition, dpr, format } = asked
    const waitMs = parseWait(c, undefined, {
      defaultMs: Math.min(DEFAULT_WAIT_MS, config.maxWaitMs),
      maxMs: config.maxWaitMs,
    })
    const credential = link === undefined ? await identify(c.req.header('authorization')) : ANONYMOUS
    const account = await c.get('admit')(credential)
    const least = parseLeast(c)
    const question: Question = {
      ...credential,
      signed: link?.signed,
      shareHash: link?.shareHash,
      account,
      traceparent: c.get('traceparent'),
      product,
      asset,
      version,
      rendition,
      dpr,
      format,
      accept: c.req.header('accept'),
      hints: hintsOf(c),
      least,
      waitMs,
      countSharers: false,
      address: addressOf(c),
      whileAway: isLasting({ version, least }, link, credential),
      signal: undefined,
      learn: learnFor(c),
      wait: () => c.set('waits', true),
    }
    if (rendition === INFO) return infoResponse(c, gateway, question, link?.place)
    const wish = { choice: parseFallback(c), image: wantsImage(c), mode: 'edge' } as const
    const startedAt = performance.now()
    const answer = await resolveOrFallback(c, gateway, question, wish)
    noteSpan(c, 'resolve', startedAt)
    if (answer instanceof Response) return answer
    const snapped = 'rendition' in answer && isAdHoc(asked) ? answer.rendition : rendition
    if (snapped !== rendition && link?.signed === undefined)
      return onLadder(c, target, { ...asked, rendition: snapped })
    metrics.resolutions.inc({ outcome: answer.kind })
    const mode = front.modeOf(answer, c.req.header(FRONT_HEADER))
    if (answer.delivery === 'accel') metrics.accel.inc({ by: mode })
    return presentResponse(c, gateway, answer, {
      mode,
      pinned: version !== undefined,
      download,
      link: link?.place,
      needsCredential: false,
      modeNegotiated: false,
      origin: c.req.header('origin'),
    })
  }
  for (const route of ROUTES) app.get(route, deliver)
}
