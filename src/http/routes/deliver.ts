/**
 * Delivery URLs: the path is identity, so that a CDN may key on it. `/i/{product}/{asset}/v{n}|current/{rendition}.{ext|auto}`,
 * the same behind a signature (`/s/…`, or in the query) and behind the token of a share link (`/share/…`).
 */
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { withoutControls } from '../../lib/plain-text.ts'
import { refuse } from '../../model/errors.ts'
import { NAME_PATTERN, UUID_PATTERN } from '../../model/ids.ts'
import { EXTENSION, FORMATS, type Format } from '../../model/recipe.ts'
import { ANONYMOUS } from '../../policy/credentials.ts'
import { invalidSignature } from '../../policy/prove-link.ts'
import { addressOf } from '../address.ts'
import type { Env, MatrixContext } from '../context.ts'
import { type Link, readLink, targetOf } from '../link.ts'
import { answerResponse, parseWait } from './resolve.ts'

/** Images in a page are worth a short wait; what is not ready then answers 202, which no cache keeps. */
const DEFAULT_WAIT_MS = 2_000

const nothingHere = () => refuse('not-found', 'There is nothing under this path.')

const FORMAT_OF = new Map<string, Format | 'auto'>([
  ['auto', 'auto'],
  ['jpeg', 'jpeg'],
  ...FORMATS.map(format => [EXTENSION[format], format] as const),
])

/** `card.webp` or `original`. */
export const parseFile = (file: string): { rendition: string; format: Format | 'auto' } => {
  if (file === 'original') return { rendition: 'original', format: 'auto' }
  const dot = file.lastIndexOf('.')
  const format = FORMAT_OF.get(file.slice(dot + 1))
  const rendition = file.slice(0, dot)
  if (dot < 1 || format === undefined || !NAME_PATTERN.test(rendition) || rendition === 'original') throw nothingHere()
  return { rendition, format }
}

export const parseVersionPart = (part: string): number | undefined => {
  if (part === 'current') return undefined
  const [, version] = /^v([1-9]\d{0,8})$/.exec(part) ?? []
  if (version === undefined) throw nothingHere()
  return Number(version)
}

/** Only originals take a parameter; anything else in the query would make a second cache key for the same bytes. */
const parseDownload = (query: string, rendition: string): string | undefined => {
  if (query === '') return undefined
  const [[name, value] = [], ...others] = new URLSearchParams(query)
  if (others.length > 0 || name !== 'dl' || value === undefined || rendition !== 'original')
    throw refuse('invalid-request', 'The path takes no parameters; originals take one dl.')
  return withoutControls(value).slice(0, 255)
}

const queryOf = (target: string): string => (target.includes('?') ? target.slice(target.indexOf('?') + 1) : '')

const PATH = '/i/:product/:asset/:version/:file'
const ROUTES = [PATH, `/s/:proof${PATH}`, `/share/:token${PATH}`] as const

/** What nobody could have been given a signature for is answered like what has a wrong one: it says nothing about the rest. */
const parsePath = (c: MatrixContext, query: string, link: Link | undefined) => {
  try {
    const { product = '', asset = '', version = '', file = '' } = c.req.param() as Record<string, string>
    if (!NAME_PATTERN.test(product) || !UUID_PATTERN.test(asset)) throw nothingHere()
    const { rendition, format } = parseFile(file)
    const download = parseDownload(query, rendition)
    return { product, asset, version: parseVersionPart(version), rendition, format, download }
  } catch (error) {
    throw link?.signed === undefined ? error : invalidSignature()
  }
}

export const deliverRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { config, identify, resolve, metrics } = gateway

  const deliver = async (c: MatrixContext): Promise<Response> => {
    const target = targetOf(c)
    const link = readLink(target)
    const { product, asset, version, rendition, format, download } = parsePath(c, link?.query ?? queryOf(target), link)
    const waitMs = parseWait(c, undefined, {
      defaultMs: Math.min(DEFAULT_WAIT_MS, config.maxWaitMs),
      maxMs: config.maxWaitMs,
    })
    const credential = link === undefined ? await identify(c.req.header('authorization')) : ANONYMOUS
    const account = await c.get('admit')(credential)
    const answer = await resolve({
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
      waitMs,
      countSharers: false,
      address: addressOf(c),
      signal: undefined,
    })
    metrics.resolutions.inc({ outcome: answer.kind })
    return answerResponse(c, gateway, answer, {
      mode: answer.delivery,
      pinned: version !== undefined,
      download,
      link: link?.place,
    })
  }
  for (const route of ROUTES) app.get(route, deliver)
}
