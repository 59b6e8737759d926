import type { Hex } from '../model/ids.ts'

/** Cache-busting tags that a CDN may purge by. */
export const cacheTags = ({
  asset,
  version,
  product,
  node,
}: {
  asset: string
  version: number
  product: string
  node?: Hex
}): string => `a:${asset},v:${asset}.${version},p:${product}${node ? `,n:${node.slice(0, 8)}` : ''}`

/** What a stored original may do in a browser: nothing (it may be a polyglot, or HTML that calls itself an image). */
export const ORIGINAL_HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; sandbox",
} as const

/**
 * `Content-Disposition: attachment` with a name that is safe in a header and right in every alphabet (RFC 6266 section 4.3,
 * RFC 8187 section 3.2): control characters and quotes never get through, and no half of a character that somebody cut.
 */
export const attachment = (name: string): string => {
  const filename = name.replace(/\p{Cs}/gu, '')
  const ascii = filename.replace(/[^\x20-\x7e]|["\\%]/g, '_')
  const encoded = encodeURIComponent(filename).replace(/['()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}
