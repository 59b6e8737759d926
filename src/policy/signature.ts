/**
 * Signed URLs: the text that is signed, its signature, and the two places where it may stand. Signer and server share this file;
 * it needs nothing but node:crypto.
 *
 *     in the query   /i/{product}/{asset}/v7/card.avif?exp={exp}&kid={kid}&sig={sig}
 *     in the path    /s/{kid}.{exp}.{sig}/i/{product}/{asset}/v7/card.avif
 *
 *     text  =  v1 LF path LF query LF exp LF kid        path from `/i/`, query without the three, both as they are sent
 *     sig   =  base64url(HMAC-SHA256(secret, text)), 43 characters, no padding
 *
 * The server signs what was sent, to the byte: it decodes, sorts and folds nothing, so there is no second spelling of a signed
 * URL, and no reader of URLs between us that might see another one than was signed. None of the five parts can hold a line
 * feed, so two different requests never have the same text.
 *
 * The host is left out: behind a CDN the one that the reader asked is not the one that we are asked for, and which of several
 * forwarded ones to believe would be one more thing to configure wrongly. A key names one product of one tenant of one
 * deployment, so the same path at another host opens nothing that the key does not open here.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

export interface Unsigned {
  /** From `/i/` on, as it is sent. */
  readonly path: string
  /** The other parameters as they are sent, `''` for none. */
  readonly query: string
  /** Epoch seconds. */
  readonly exp: number
  readonly kid: string
}

export interface Signed extends Unsigned {
  readonly sig: string
  readonly place: 'path' | 'query'
}

/** A signer rounds its expiry up to a window, so that all callers of one get one URL; none is longer than this. */
export const MAX_WINDOW_SECONDS = 3_600

const PATH = '/i/[!-"$->@-~]+'
const EXP = '[1-9][0-9]{0,10}'
const KID = '[a-z0-9][a-z0-9-]{0,63}'
const SIG = '[A-Za-z0-9_-]{43}'
export const KID_PATTERN = new RegExp(`^${KID}$`)
export const SIGNABLE_PATH = new RegExp(`^${PATH}$`)
const IN_PATH = new RegExp(`^/s/(${KID})\\.(${EXP})\\.(${SIG})(${PATH})(?:\\?([!-"$-~]*))?$`)
const IN_QUERY = new RegExp(`^(${PATH})\\?(?:([!-"$-~]*)&)?exp=(${EXP})&kid=(${KID})&sig=(${SIG})$`)
/** One of the three names, wherever it stands. */
const NAMES_ONE = /(?:^|[?&])(?:exp|kid|sig)(?:[=&]|$)/

export const signingText = ({ path, query, exp, kid }: Unsigned): string => `v1\n${path}\n${query}\n${exp}\n${kid}`

export const signatureOf = (secret: string, unsigned: Unsigned): string =>
  createHmac('sha256', secret).update(signingText(unsigned)).digest('base64url')

/**
 * In the time that the true one takes, whatever was given. The texts are compared and not the bytes that they stand for: the
 * last character of 43 has two bits that a decoder drops, so four spellings would decode to one signature.
 */
export const hasSignature = (secret: string, { sig, ...unsigned }: Signed): boolean => {
  const expected = Buffer.from(signatureOf(secret, unsigned))
  const given = Buffer.from(sig)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

/** The request's target: `readSigned` of this is the same again. */
export const writeSigned = ({ path, query, exp, kid, sig, place }: Signed): string =>
  place === 'path'
    ? `/s/${kid}.${exp}.${sig}${path}${query && `?${query}`}`
    : `${path}?${query && `${query}&`}exp=${exp}&kid=${kid}&sig=${sig}`

/** Of a request's target. `undefined`: it claims no signature; `'malformed'`: what it claims cannot be one. */
export const readSigned = (target: string): Signed | 'malformed' | undefined => {
  if (target.startsWith('/s/')) {
    const [, kid, exp, sig, path, query = ''] = IN_PATH.exec(target) ?? []
    if (kid === undefined || exp === undefined || sig === undefined || path === undefined) return 'malformed'
    return NAMES_ONE.test(query) ? 'malformed' : { path, query, exp: Number(exp), kid, sig, place: 'path' }
  }
  const mark = target.indexOf('?')
  if (mark === -1 || !NAMES_ONE.test(target.slice(mark))) return undefined
  const [, path, query = '', exp, kid, sig] = IN_QUERY.exec(target) ?? []
  if (path === undefined || exp === undefined || kid === undefined || sig === undefined) return 'malformed'
  return NAMES_ONE.test(query) ? 'malformed' : { path, query, exp: Number(exp), kid, sig, place: 'query' }
}
