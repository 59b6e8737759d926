/** What a token says before anything is proven of it, and whom it stands for once it is. Pure. */

import { sha256Hex } from '../lib/canonical.ts'
import { type IssuerEdition, TOKEN_ALGORITHMS, TOKEN_NAME } from '../model/issuer.ts'
import type { Principal } from '../model/principal.ts'

/** Clocks of issuers and gateways may differ by this much. */
export const LEEWAY_SECONDS = 30
/** More than any issuer here could match, and few enough to look up. */
const MAX_AUDIENCES = 8

/** Claimed by whoever sent it; good for finding out who could prove it. */
export interface Claimed {
  readonly iss: string
  readonly audiences: readonly string[]
  /** Seconds since the epoch. */
  readonly exp: number
}

const parsePart = (part: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined // not a token, which is the answer
  }
}

const isName = (value: unknown): value is string => typeof value === 'string' && TOKEN_NAME.test(value)

/** `undefined`: no issuer could ever prove it. Costs a hundredth of a signature. */
export const readToken = (token: string): Claimed | undefined => {
  const [head = '', body = '', signature = ''] = token.split('.')
  if (signature === '') return undefined
  const header = parsePart(head)
  if (header === undefined || !TOKEN_ALGORITHMS.some(known => known === header.alg)) return undefined
  const payload = parsePart(body)
  if (payload === undefined) return undefined
  const { iss, aud, exp } = payload
  const audiences = [...new Set<unknown>(Array.isArray(aud) ? aud : [aud])]
  if (!isName(iss) || !audiences.every(isName) || audiences.length > MAX_AUDIENCES) return undefined
  return typeof exp === 'number' && Number.isFinite(exp) ? { iss, audiences, exp } : undefined
}

/** What is not plain is told by its digest: two subjects never have one name. */
const namePart = (value: string): string =>
  /^[\w.@|-]{1,64}$/.test(value) ? value : `~${sha256Hex(value).slice(0, 32)}`

const idOf = (name: string, value: string): string => `token_${name}_${namePart(value)}`

/** Of verified claims. `undefined`: the issuer's table has nobody of that name. */
export const principalOf = (
  { tenant, name, claim, subjects }: IssuerEdition,
  claims: Readonly<Record<string, unknown>>,
): Principal | undefined => {
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined
  const subject = subjects.find(one => one.value === value)
  if (subject === undefined) return undefined
  const { product, scopes } = subject
  // Beside the value, which says which product, whoever it was there.
  const person = claim !== 'sub' && typeof claims.sub === 'string' ? `:${namePart(claims.sub)}` : ''
  return { tenant, kind: 'token', id: `${idOf(name, subject.value)}${person}`, product, scopes }
}

/** The name of the issuer whose token stood for the principal. */
export const issuerNameOf = ({ id }: Pick<Principal, 'id'>): string => /^token_([a-z0-9-]+)_/.exec(id)?.[1] ?? ''

/** Whether the issuer's table still has somebody like this, for who acts long after his token was shown. */
export const hasSubject = (
  { name, subjects }: Pick<IssuerEdition, 'name' | 'subjects'>,
  { id, product, scopes }: Principal,
): boolean =>
  subjects.some(
    subject =>
      (id === idOf(name, subject.value) || id.startsWith(`${idOf(name, subject.value)}:`)) &&
      subject.product === product &&
      scopes.every(scope => subject.scopes.includes(scope)),
  )
