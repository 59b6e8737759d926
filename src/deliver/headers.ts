import type { Hex } from '../model/ids.ts'

interface Tagged {
  readonly asset: string
  readonly version: number
  readonly product: string
  readonly node?: Hex
  readonly rendition?: string
}

/** A variant is of the recipe that it varies (`card@2x`), and no tag has a comma in it. */
const recipeOf = (rendition: string): string => /^[a-z0-9-]*/.exec(rendition)?.[0] ?? ''

/** Tags that a CDN may purge by: asset, version, product, node, and the name that the product has for the recipe. */
export const cacheTags = ({ asset, version, product, node, rendition }: Tagged): string => {
  const names = `a:${asset},v:${asset}.${version},p:${product}`
  return node && rendition ? `${names},n:${node.slice(0, 8)},r:${product}.${recipeOf(rendition)}` : names
}

/** The same in both spellings: with commas (Cloudflare, CloudFront, Akamai), and with spaces (Fastly, Varnish's xkey). */
export const tagFields = (tagged: Tagged) => {
  const tags = cacheTags(tagged)
  return { 'Cache-Tag': tags, 'Surrogate-Key': tags.replaceAll(',', ' ') }
}

/** What a stored original may do in a browser: nothing (it may be a polyglot, or HTML that calls itself an image). */
export const ORIGINAL_HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; sandbox",
  'Referrer-Policy': 'no-referrer',
} as const

/**
 * To be kept under this name, and never shown in place: `Content-Disposition` with a name that is safe in a header and right in
 * every alphabet (RFC 6266 section 4.3, RFC 8187 section 3.2): control characters and quotes never get through, and no half of a character that somebody cut.
 */
export const attachment = (name: string): string => {
  const filename = name.replace(/\p{Cs}/gu, '')
  const ascii = filename.replace(/[^\x20-\x7e]|["\\%]/g, '_')
  const encoded = encodeURIComponent(filename).replace(/['()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}
