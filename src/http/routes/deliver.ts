/** Delivery URLs: the path is identity, so that a CDN may key on it. `/i/{product}/{asset}/v{n}|current/{rendition}.{ext|auto}` */
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { withoutControls } from '../../lib/plain-text.ts'
import { refuse } from '../../model/errors.ts'
import { NAME_PATTERN, UUID_PATTERN } from '../../model/ids.ts'
import { EXTENSION, FORMATS, type Format } from '../../model/recipe.ts'
import { presentedKey } from '../../policy/authenticate.ts'
import { addressOf } from '../address.ts'
import type { Env, MatrixContext } from '../context.ts'
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
const parseDownload = (c: MatrixContext, rendition: string): string | undefined => {
  if (!c.req.url.includes('?')) return undefined
  const query = c.req.queries()
  const { dl, ...others } = query
  if (Object.keys(others).length > 0 || (dl !== undefined && (rendition !== 'original' || dl.length > 1))) {
    throw refuse('invalid-request', 'The path takes no parameters; originals take one dl.')
  }
  return dl?.[0] === undefined ? undefined : withoutControls(dl[0]).slice(0, 255)
}

export const deliverRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { config, resolve, metrics } = gateway

  app.get('/i/:product/:asset/:version/:file', async c => {
    const { product, asset } = c.req.param()
    if (!NAME_PATTERN.test(product) || !UUID_PATTERN.test(asset)) throw nothingHere()
    const { rendition, format } = parseFile(c.req.param('file'))
    const version = parseVersionPart(c.req.param('version'))
    const download = parseDownload(c, rendition)
    const waitMs = parseWait(c, undefined, {
      defaultMs: Math.min(DEFAULT_WAIT_MS, config.maxWaitMs),
      maxMs: config.maxWaitMs,
    })
    const secretHash = presentedKey(c.req.header('authorization'))
    const account = await c.get('admit')({ secretHash })
    const answer = await resolve({
      secretHash,
      proven: undefined,
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
    return answerResponse(c, gateway, answer, { mode: answer.delivery, pinned: version !== undefined, download })
  })
}
