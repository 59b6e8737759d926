/**
 * One request, to addresses that have been checked. The name is not looked up again: whoever answers for it could say something
 * else the second time. Nothing that identifies us goes along, and nothing is followed.
 */
import { type Agent, type IncomingMessage, request as overHttp, type RequestOptions } from 'node:http'
import { request as overHttps } from 'node:https'
import { isIP, type LookupFunction, type TcpNetConnectOpts } from 'node:net'

export interface HopOptions {
  readonly addresses: readonly string[]
  readonly idleMs: number
  readonly signal: AbortSignal
  /** What is posted; without it the URL is asked for. */
  readonly post?: { readonly headers: Readonly<Record<string, string>>; readonly body: string }
  /** The connection is left open for, or taken from, others of this name. */
  readonly kept?: Kept | undefined
}

interface Kept {
  readonly agent: Agent
  readonly keptFor: string
}

/** Names, cookies and policies of a source come to 4 KiB at most. */
const MAX_HEADER_BYTES = 16 * 1024
/** One address after the other; the default of 250 ms is too short for the other side of the world. */
const ATTEMPT_MS = 2_000

/** A host without the brackets of an IPv6 address. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1')

interface Special extends Pick<TcpNetConnectOpts, 'autoSelectFamilyAttemptTimeout'> {
  readonly rejectUnauthorized: true
  readonly keptFor: string | undefined
}

const pinnedTo = (addresses: readonly string[]): LookupFunction => {
  const found = addresses.map(address => ({ address, family: isIP(address) }))
  return (_host, options, done) => {
    const [first] = found
    if (options.all) done(null, [...found])
    else done(null, first?.address ?? '', first?.family)
  }
}

/** Resolves with the head of the answer; its body ends in an error when the signal says so, or nothing comes for `idleMs`. */
export const openHop = (url: URL, hop: HopOptions): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const { addresses, idleMs, signal, post, kept } = hop
    const options: RequestOptions & Special = {
      protocol: url.protocol,
      host: hostOf(url),
      port: url.port,
      path: `${url.pathname}${url.search}`,
      agent: kept?.agent ?? false,
      keptFor: kept?.keptFor,
      lookup: pinnedTo(addresses),
      autoSelectFamilyAttemptTimeout: ATTEMPT_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      insecureHTTPParser: false,
      rejectUnauthorized: true,
      timeout: idleMs,
      signal,
      method: post === undefined ? 'GET' : 'POST',
      headers: {
        Accept: '*/*',
        'Accept-Encoding': 'identity',
        'User-Agent': 'asset-matrix',
        Connection: kept ? 'keep-alive' : 'close',
        ...post?.headers,
      },
    }
    const request = url.protocol === 'https:' ? overHttps(options) : overHttp(options)
    request.on('response', response => {
      response.on('error', () => undefined) // whoever reads the body hears it; whoever does not need not
      resolve(response)
    })
    request.on('timeout', () => request.destroy(new Error(`Silent for ${idleMs} ms`)))
    request.on('error', error => {
      // The other side may close a connection that has been idle in the moment in which it is taken again.
      if (request.reusedSocket && !signal.aborted) resolve(openHop(url, { ...hop, kept: undefined }))
      else reject(error)
    })
    // Some ends come without an error: a change of protocols that nobody asked for.
    request.on('close', () => reject(new Error('Closed without an answer')))
    request.end(post?.body)
  })
