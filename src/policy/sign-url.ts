/** Signing a URL where the secret is, without asking the gateway: some 5 us and no request. */
import { canonicalDeliveryPath, isPathProblem } from '../model/delivery-path.ts'
import { KID_PATTERN, MAX_WINDOW_SECONDS, signatureOf, writeSigned } from './signature.ts'

export interface SignOptions {
  /** In front of the path: the CDN or the gateway. Without one the result is a path. */
  readonly base?: string
  /** A delivery path in its canonical spelling, `/i/{product}/{asset}/v{n}/{rendition}.{ext}` (`deliveryPath`). */
  readonly path: string
  /** Further parameters; originals take `dl`, the name of the download. */
  readonly parameters?: Readonly<Record<string, string>>
  readonly kid: string
  readonly secret: string
  /** How long the URL works at least; one window longer at most. Default 3,600. */
  readonly lifetimeSeconds?: number
  /** Everybody who signs within a window gets the same URL, so that caches can hit. Default 300, at most 3,600. */
  readonly windowSeconds?: number
  /** Puts the signature into the path, for caches that do not heed the query. Default `false`. */
  readonly inPath?: boolean
  /** Epoch milliseconds. Default now. */
  readonly now?: number
}

/**
 * A signed URL. Throws `TypeError` for what could not be asked for as it is spelled, and `RangeError` for a time that is none.
 *
 * @example
 * signUrl({ base: 'https://cdn.example', path: `/i/shop-web/${id}/v1/card.jpg`, kid, secret, lifetimeSeconds: 3600 })
 */
export const signUrl = ({
  base = '',
  path,
  parameters = {},
  kid,
  secret,
  lifetimeSeconds = 3_600,
  windowSeconds = 300,
  inPath = false,
  now = Date.now(),
}: SignOptions): string => {
  requireCanonical(path)
  if (!KID_PATTERN.test(kid)) throw new TypeError('Expected kid to be the id of a signing key.')
  if (secret === '') throw new TypeError('Expected secret to be that of a signing key but received nothing.')
  requireSeconds('lifetimeSeconds', lifetimeSeconds, 366 * 86_400)
  requireSeconds('windowSeconds', windowSeconds, MAX_WINDOW_SECONDS)
  const query = canonicalQuery(parameters)
  const exp = (Math.floor(now / 1000 / windowSeconds) + 1) * windowSeconds + lifetimeSeconds
  const sig = signatureOf(secret, { path, query, exp, kid })
  const front = base.replace(/\/+$/, '')
  return front + writeSigned({ path, query, exp, kid, sig, place: inPath ? 'path' : 'query' })
}

/** Sorted by name, each once, everything but RFC 3986 section 2.3's unreserved characters encoded: one text for one set. */
export const canonicalQuery = (parameters: Readonly<Record<string, string>>): string =>
  Object.entries(parameters)
    .map(([name, value]) => {
      if (/^(?:exp|kid|sig)$/.test(name)) throw new TypeError(`The parameter ${name} is the signature's own.`)
      return [encode(name), encode(value)] as const
    })
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

/** What is spelled otherwise would be a second copy in every cache, and what is no path of ours nothing at all. */
const requireCanonical = (path: string): void => {
  const read = canonicalDeliveryPath(path)
  if (isPathProblem(read))
    throw new TypeError(
      `Expected path to be a delivery path, /i/…, without parameters. ${read.key ?? ''} ${read.detail}`,
    )
  if (read.path !== path) throw new TypeError(`Expected path to be canonical, which is ${read.path}`)
}

const requireSeconds = (name: string, value: number, max: number): void => {
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw new RangeError(`Expected ${name} to be a whole number of seconds from 1 to ${max}.`)
}
