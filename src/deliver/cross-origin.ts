/**
 * Which pages may read an answer (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol), time it and embed it, as its product
 * says. Never with credentials: what we know callers by is not in cookies.
 */
import { type BrowserRules, isAnyOrigin } from '../model/browser-rules.ts'

/** What a script may see beside the few that it always may. */
export const EXPOSED = [
  'Accept-Ranges',
  'Cache-Status',
  'Content-Disposition',
  'Content-DPR',
  'Content-Length',
  'Content-Range',
  'Deprecation',
  'ETag',
  'Location',
  'Matrix-Publication',
  'RateLimit',
  'RateLimit-Policy',
  'Repr-Digest',
  'Retry-After',
  'Server-Timing',
  'Sunset',
  'X-Correlation-Id',
  'X-Request-Id',
].join(', ')

/** Also of what asks nobody, and so says nothing of a product: a page follows a redirect only where it may read that, too. */
export const ANYBODY: Readonly<Record<string, string>> = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': EXPOSED,
  'Timing-Allow-Origin': '*',
  'Cross-Origin-Resource-Policy': 'cross-origin',
}

/**
 * `undefined`: the product says nothing, and nothing is said. Of a list, `Timing-Allow-Origin` names all, for a picture in a page is
 * asked for without an `Origin` to compare; and so a picture may be embedded by any page: who may read it is the matter of CORS.
 */
export const crossOriginHeaders = (
  rules: BrowserRules | undefined,
  origin: string | undefined,
): Readonly<Record<string, string>> | undefined => {
  if (rules === undefined || rules.origins.length === 0) return undefined
  if (isAnyOrigin(rules)) return ANYBODY
  const said = {
    'Timing-Allow-Origin': rules.origins.join(', '),
    'Cross-Origin-Resource-Policy': 'cross-origin',
  }
  if (origin === undefined || !rules.origins.includes(origin)) return said
  return { ...said, 'Access-Control-Allow-Origin': origin, 'Access-Control-Expose-Headers': EXPOSED }
}

/**
 * Of a preflight. It says what may be sent, to anybody: it comes without the credential that would tell whose product is meant,
 * and what it allows is what a page can do anyway, to ask without learning the answer. Whether the answer may be read is said
 * with the answer. And it tells nobody which products there are.
 */
export const preflightHeaders = (methods: string): Readonly<Record<string, string>> => ({
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': methods,
  'Access-Control-Allow-Headers': [
    'Authorization',
    'Content-Type',
    'If-Match',
    'If-None-Match',
    'If-Range',
    'Matrix-Min-Publication',
    'Prefer',
    'Range',
    'traceparent',
    'X-Correlation-Id',
  ].join(', '),
  'Access-Control-Max-Age': '86400',
  Allow: `${methods}, OPTIONS`,
})
