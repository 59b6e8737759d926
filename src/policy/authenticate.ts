import { refuse } from '../model/errors.ts'
import { hashSecret, isWellFormedSecret } from '../model/ids.ts'

/**
 * The hash under which a presented key is stored, `undefined` for callers without a credential. A key that cannot be one
 * (mistyped, cut) is refused without a look-up, in the words used for an unknown one.
 */
export const presentedKey = (authorization: string | undefined): string | undefined => {
  const secret = bearerSecret(authorization)
  if (secret !== undefined && !mayBeKey(secret)) throw unauthenticated()
  return secret && hashSecret(secret)
}

/** The same of a key whose form is not looked at, 1 us cheaper: for who only answers the owners of good ones. */
export const claimedKey = (authorization: string | undefined): string | undefined => {
  const secret = bearerSecret(authorization)
  return secret && hashSecret(secret)
}

const bearerSecret = (authorization: string | undefined): string | undefined => {
  if (authorization === undefined || authorization === '') return undefined
  const [, secret] = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization) ?? []
  if (secret === undefined) throw unauthenticated()
  return secret
}

/** An administrator may choose the admin key, so only ours are checked for their form. */
const mayBeKey = (secret: string): boolean => !secret.startsWith('mtx_live_') || isWellFormedSecret(secret)

export const unauthenticated = () =>
  refuse('unauthenticated', 'The credential is missing, unknown, revoked or expired.')
