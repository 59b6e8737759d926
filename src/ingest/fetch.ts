/**
 * An original by URL, for whoever names it and without lending him this machine's place in its network:
 *
 *   the URL is read -> its host is resolved, once -> every address is checked -> the connection goes to one of these
 *     -> a redirect begins anew, with the same checks -> the body is received like any other
 *
 * What is not public is refused before anything connects, and a host without any address like one with an address inside: neither
 * the answer nor its time tells a closed port from a name, or what names there are.
 */
import type { IncomingMessage } from 'node:http'
import type { Reachable } from '../config/fetching.ts'
import { isMatrixError, MatrixError, refuse } from '../model/errors.ts'
import { openHop } from '../outbound/hop.ts'
import { openReach } from '../outbound/reach.ts'
import type { ResolveHost } from '../outbound/resolve.ts'
import { type Received, receive } from './receive.ts'

export interface Fetched {
  readonly received: Received
  /** What its server calls it: worth no more than the server. */
  readonly mediaType: string | undefined
  /** Where the bytes came from in the end, without a query. */
  readonly from: string
  readonly etag: string | undefined
  readonly lastModified: string | undefined
}

/** Throws `url-forbidden`, `source-unavailable`, `payload-too-large`, `unsupported-media`, `overloaded` or `storage-full`. The caller closes what was received. */
export type FetchOriginal = (url: string, most?: number) => Promise<Fetched>

export interface FetchOptions {
  readonly resolve: ResolveHost
  readonly allow: Reachable
  readonly ports: ReadonlySet<number> | undefined
  readonly folder: string
  readonly maxBytes: number
  readonly maxMs: number
  readonly idleMs: number
  readonly atOnce: number
  /** Hears of every fetch: `fetched`, or the code of its refusal. */
  readonly count?: (result: string) => void
}

const MAX_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])
const DEFAULT_PORT: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 }

const forbidden = (why: string) => refuse('url-forbidden', why)
const unavailable = (why: string, { cause, status }: { cause?: unknown; status?: number | undefined } = {}) =>
  refuse('source-unavailable', why, { cause, ...(status !== undefined && { details: { source_status: status } }) })

/** Without what it may have of secrets, as versions and logs name it. */
export const withoutSecrets = ({ origin, pathname }: URL): string => `${origin}${pathname}`.slice(0, 1024)

/** What its server said, as far as it is worth keeping: others write it, so it is cut. */
export const hintsOf = ({ mediaType, from, etag, lastModified }: Fetched): Readonly<Record<string, string>> => {
  const said = { media_type: mediaType, etag, last_modified: lastModified }
  const kept = Object.entries(said).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return { fetched_from: from, ...Object.fromEntries(kept.map(([name, value]) => [name, value.slice(0, 200)])) }
}

const requireFetchable = (url: URL, ports: FetchOptions['ports']): void => {
  const port = DEFAULT_PORT[url.protocol]
  if (port === undefined) throw forbidden('Only http: and https: are fetched.')
  if (url.username !== '' || url.password !== '') throw forbidden('A URL with a user or a password is not fetched.')
  if (ports !== undefined && !ports.has(url.port === '' ? port : Number(url.port)))
    throw forbidden('This port is not fetched from.')
}

/** `Location` may be relative, and is sent as bytes. Throws `source-unavailable` or `url-forbidden`. */
const follow = (from: URL, { statusCode: status, headers: { location } }: IncomingMessage): URL => {
  const text = location === undefined ? undefined : Buffer.from(location, 'latin1').toString('utf8')
  if (text === undefined || !URL.canParse(text, from.href))
    throw unavailable('The source redirects to nowhere.', { status })
  const to = new URL(text, from.href)
  if (from.protocol === 'https:' && to.protocol === 'http:')
    throw forbidden('The source redirects from https: to http:.')
  return to
}

const requireBytes = ({ statusCode: status, headers }: IncomingMessage, maxBytes: number): void => {
  if (status !== 200 && status !== 203) throw unavailable(`The source answers ${status}.`, { status })
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? ''
  // What it unpacks to is bounded by nothing, and nobody asked for it packed.
  if (encoding !== '' && encoding !== 'identity')
    throw refuse('unsupported-media', 'The source sends the content packed (Content-Encoding).')
  if (Number(headers['content-length'] ?? 0) > maxBytes)
    throw refuse('payload-too-large', `The limit is ${maxBytes} bytes.`, { details: { limit: maxBytes } })
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

/** Messages of the network name addresses, so nothing of them is repeated. */
const told = (error: unknown): unknown => {
  if (isMatrixError(error, 'upload-incomplete'))
    return unavailable('The source stopped before the end.', { cause: error })
  if (error instanceof MatrixError) return error
  const code = String(codeOf(error) ?? '')
  if (code.startsWith('HPE_')) return unavailable('The source does not answer in HTTP.', { cause: error })
  return unavailable('The source cannot be reached.', { cause: error })
}

export const openFetch = (options: FetchOptions): FetchOriginal => {
  const { resolve, allow, ports, folder, maxBytes, maxMs, idleMs, atOnce, count = () => undefined } = options
  const reach = openReach({ resolve, allow })

  const followed = async (first: URL, signal: AbortSignal): Promise<{ url: URL; response: IncomingMessage }> => {
    let url = first
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      requireFetchable(url, ports)
      const addresses = (await reach(url, signal))?.addresses
      if (addresses === undefined) throw forbidden('The host has no address that is fetched from.')
      const response = await openHop(url, { addresses, idleMs, signal })
      if (!REDIRECTS.has(response.statusCode ?? 0)) return { url, response }
      response.destroy()
      url = follow(url, response)
    }
    throw unavailable(`The source redirects more than ${MAX_REDIRECTS} times.`)
  }

  const fetchOnce = async (text: string, most: number): Promise<Fetched> => {
    const signal = AbortSignal.timeout(maxMs)
    let body: IncomingMessage | undefined
    try {
      const { url, response } = await followed(new URL(text), signal)
      body = response
      requireBytes(response, most)
      const received = await receive(response, { folder, maxBytes: most, idleMs })
      const { 'content-type': mediaType, etag, 'last-modified': lastModified } = response.headers
      return { received, mediaType, from: withoutSecrets(url), etag, lastModified }
    } catch (error) {
      if (signal.aborted) throw unavailable(`The source took longer than ${maxMs} ms.`, { cause: error })
      // What is wrong here, with the disk say, is no matter of the source.
      const isOurs = body !== undefined && body.errored === null && !isMatrixError(error)
      throw isOurs ? error : told(error)
    } finally {
      body?.destroy()
    }
  }

  let running = 0
  const fetchCounted: FetchOriginal = async (url, most = maxBytes) => {
    if (running >= atOnce)
      throw refuse('overloaded', 'As many originals as may be are being fetched.', { retryAfterSeconds: 2 })
    running++
    try {
      return await fetchOnce(url, Math.min(most, maxBytes))
    } finally {
      running--
    }
  }

  return async (url, most) => {
    try {
      const fetched = await fetchCounted(url, most)
      count('fetched')
      return fetched
    } catch (error) {
      count(isMatrixError(error) ? error.code : 'internal')
      throw error
    }
  }
}
