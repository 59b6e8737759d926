/** What a request presents: a key is looked up by its hash, a token proves itself. */
import { refuse } from '../model/errors.ts'
import { type Hex, hashSecret, isTokenLike, isWellFormedSecret } from '../model/ids.ts'

/** One of the two, or neither for callers without a credential. */
export type Presented =
  | { readonly secretHash: Hex; readonly token: undefined }
  | { readonly secretHash: undefined; readonly token: string }

const MAX_KEY = 512
/** Node takes 16 KiB of headers in all; the largest tokens of the common issuers have 4. */
const MAX_TOKEN = 8_192

/** A key that cannot be one (mistyped, cut) is refused without a look-up, in the words used for an unknown one. */
export const presented = (authorization: string | undefined): Presented | undefined => {
  const secret = bearerSecret(authorization)
  if (secret === undefined) return undefined
  if (isTokenLike(secret)) return { secretHash: undefined, token: secret }
  if (secret.length > MAX_KEY || !mayBeKey(secret)) throw unauthenticated()
  return { secretHash: hashSecret(secret), token: undefined }
}

/** The same of a key whose form is not looked at, 1 us cheaper: for who only answers the owners of good ones. */
export const claimed = (authorization: string | undefined): Presented | undefined => {
  const secret = bearerSecret(authorization)
  if (secret === undefined) return undefined
  return isTokenLike(secret)
    ? { secretHash: undefined, token: secret }
    : { secretHash: hashSecret(secret), token: undefined }
}

const bearerSecret = (authorization: string | undefined): string | undefined => {
  if (authorization === undefined || authorization === '') return undefined
  const [, secret] = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization) ?? []
  if (secret === undefined || secret.length > MAX_TOKEN) throw unauthenticated()
  return secret
}

/** An administrator may choose the admin key, so only ours are checked for their form. */
const mayBeKey = (secret: string): boolean => !secret.startsWith('mtx_live_') || isWellFormedSecret(secret)

export const unauthenticated = () =>
  refuse('unauthenticated', 'The credential is missing, unknown, revoked or expired.')
