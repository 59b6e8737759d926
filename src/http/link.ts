/**
 * What a delivery URL brings along to be let in, instead of a credential in a header: a signature, or the token of a share link.
 * Beside it an `Authorization` is not looked at: what a cache keeps under the URL must be what everybody gets who has the URL.
 */
import { refuse } from '../model/errors.ts'
import { type Hex, hashSecret } from '../model/ids.ts'
import { invalidSignature } from '../policy/prove-link.ts'
import { readSigned, type Signed } from '../policy/signature.ts'
import type { MatrixContext } from './context.ts'

export interface Link {
  /** What is asked for, from `/i/` on, and its other parameters. */
  readonly path: string
  readonly query: string
  readonly signed: Signed | undefined
  readonly shareHash: Hex | undefined
  /** Where the URL says that it may be asked for. */
  readonly place: Signed['place'] | 'share'
}

const SHARED = /^\/share\/([0-9A-Za-z]{32})(\/i\/[^?]*)(?:\?(.*))?$/

/** As the client sent it; what parsers of URLs make of it was not signed. */
export const targetOf = (c: MatrixContext): string =>
  c.env?.incoming?.url ?? c.req.url.slice(c.req.url.indexOf('/', c.req.url.indexOf('//') + 2))

/** Of what a target says of itself, before anything of it is proved. */
export const placeOf = (target: string): Link['place'] | undefined => {
  if (target.startsWith('/share/')) return 'share'
  if (target.startsWith('/s/')) return 'path'
  return /[?&]sig=/.test(target) ? 'query' : undefined
}

/** `undefined`: a path without a link. Throws `forbidden` for what cannot be a signature, `not-found` for what cannot be a token. */
export const readLink = (target: string): Link | undefined => {
  if (target.startsWith('/share/')) {
    const [, token, path, query = ''] = SHARED.exec(target) ?? []
    if (token === undefined || path === undefined) throw refuse('not-found', 'There is nothing under this path.')
    return { path, query, signed: undefined, shareHash: hashSecret(token), place: 'share' }
  }
  const signed = readSigned(target)
  if (signed === undefined) return undefined
  if (signed === 'malformed') throw invalidSignature()
  return { path: signed.path, query: signed.query, signed, shareHash: undefined, place: signed.place }
}
