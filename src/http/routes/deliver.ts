/**
 * Delivery URLs: the path is identity, so that a CDN may key on it. `/i/{product}/{asset}/v{n}|current/{rendition}.{ext|auto}`,
 * the same behind a signature (`/s/…`, or in the query) and behind the token of a share link (`/share/…`).
 */
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { withoutControls } from '../../lib/plain-text.ts'
import { type DeliveryPath, readDeliveryPath, writeDeliveryPath } from '../../model/delivery-path.ts'
import { refuse } from '../../model/errors.ts'
import { ANONYMOUS } from '../../policy/credentials.ts'
import { invalidSignature } from '../../policy/prove-link.ts'
import type { Question } from '../../resolve/resolve.ts'
import { FRONT_HEADER, openFront } from '../accel.ts'
import { addressOf } from '../address.ts'
import { isLasting, presentResponse } from '../as-of.ts'
import type { Env, MatrixContext } from '../context.ts'
import { parseFallback, resolveOrFallback } from '../fallback.ts'
import { parseLeast } from '../least.ts'
import { type Link, placeOf, readLink, targetOf } from '../link.ts'
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

const PATH = '/i/:product/:asset/:version/:file'
const ROUTES = [PATH, `/s/:proof${PATH}`, `/share/:token${PATH}`] as const

/** Of the grammar what is asked for in its one spelling, and as it is. */
const isAnswered = (asked: DeliveryPath, path: string): boolean =>
  asked.dpr === undefined && asked.seoName === undefined && writeDeliveryPath(asked) === path

/** What nobody could have been given a signature for is answered like what has a wrong one: it says nothing about the rest. */
const parseTarget = (target: string, link: Link | undefined) => {
  try {
    const [path = '', query = ''] = link === undefined ? splitQuery(target) : [link.path, link.query]
    const asked = readDeliveryPath(path)
    if (asked === undefined || !isAnswered(asked, path)) throw nothingHere()
    return { ...asked, download: parseDownload(query, asked.rendition) }
  } catch (error) {
    throw link?.signed === undefined ? error : invalidSignature()
  }
}

export const deliverRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { config, identify, metrics } = gateway
  const front = openFront(gateway)

  const deliver = async (c: MatrixContext): Promise<Response> => {
    const target = targetOf(c)
    c.set('asked', { link: placeOf(target) })
    const link = readLink(target)
    const { product, asset, version, rendition, format, download } = parseTarget(target, link)
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
      product,
      asset,
      version,
      rendition,
      format,
      accept: c.req.header('accept'),
      least,
      waitMs,
      countSharers: false,
      address: addressOf(c),
      whileAway: isLasting({ version, least }, link, credential),
      signal: undefined,
    }
    const wish = { choice: parseFallback(c), image: wantsImage(c), mode: 'edge' } as const
    const answer = await resolveOrFallback(c, gateway, question, wish)
    if (answer instanceof Response) return answer
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
    })
  }
  for (const route of ROUTES) app.get(route, deliver)
}
