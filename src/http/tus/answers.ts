/** What every answer about an upload says, refusals included: the protocol's version, and to which pages. */
import { createMiddleware } from 'hono/factory'
import { ANYBODY, crossOriginHeaders, EXPOSED } from '../../deliver/cross-origin.ts'
import type { Gateway } from '../../gateway.ts'
import { findBrowserRules } from '../../manifest/products.ts'
import type { Env, MatrixContext } from '../context.ts'
import { setHeaders } from '../middleware/request.ts'
import { CHECKSUM_ALGORITHMS } from './checksum.ts'
import { EXTENSIONS } from './store.ts'

export const VERSION = '1.0.0'

const HEADERS_OF_ANSWERS = [
  'Matrix-Asset',
  'Matrix-Digest',
  'Matrix-Event-No',
  'Matrix-Version',
  'Tus-Checksum-Algorithm',
  'Tus-Extension',
  'Tus-Max-Size',
  'Tus-Resumable',
  'Tus-Version',
  'Upload-Expires',
  'Upload-Length',
  'Upload-Metadata',
  'Upload-Offset',
]
const HEADERS_OF_REQUESTS = [
  'Authorization',
  'Content-Type',
  'traceparent',
  'Tus-Resumable',
  'Upload-Checksum',
  'Upload-Length',
  'Upload-Metadata',
  'Upload-Offset',
  'X-Correlation-Id',
  'X-Request-ID',
  'X-Requested-With',
]
const METHODS = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST'

/** A refusal of somebody who is not known names no product, and so every page may know why it was refused. */
const crossOrigin = async ({ database }: Pick<Gateway, 'database'>, c: MatrixContext) => {
  const origin = c.req.header('origin')
  if (origin === undefined) return undefined
  const principal = c.get('principal')
  if (principal === undefined) return ANYBODY
  const { tenant, product } = principal
  return product === undefined
    ? undefined
    : crossOriginHeaders(await findBrowserRules(database, tenant, product), origin)
}

export const tusAnswers = (gateway: Pick<Gateway, 'database'>) =>
  createMiddleware<Env>(async (c, next) => {
    await next()
    // Without Postgres nobody knows what the product allows: the refusal itself is said.
    const shared = await crossOrigin(gateway, c).catch(() => undefined)
    const exposed = { 'Access-Control-Expose-Headers': `${EXPOSED}, ${HEADERS_OF_ANSWERS.join(', ')}` }
    setHeaders(c, {
      'Tus-Resumable': VERSION,
      'X-Content-Type-Options': 'nosniff',
      ...(c.res.status === 412 && { 'Tus-Version': VERSION }),
      ...shared,
      ...(shared?.['Access-Control-Allow-Origin'] !== undefined && exposed),
    })
  })

/** To anybody, like every preflight here (deliver/cross-origin.ts): what the protocol can do, and what a page may send. */
export const offer = (maxBytes: number): Readonly<Record<string, string>> => ({
  'Tus-Resumable': VERSION,
  'Tus-Version': VERSION,
  'Tus-Extension': EXTENSIONS.join(','),
  'Tus-Max-Size': String(maxBytes),
  'Tus-Checksum-Algorithm': CHECKSUM_ALGORITHMS.join(','),
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': METHODS,
  'Access-Control-Allow-Headers': HEADERS_OF_REQUESTS.join(', '),
  'Access-Control-Max-Age': '86400',
  Allow: METHODS,
})
