/**
 * Holds callers to their limits, and tells them how they stand (draft-ietf-httpapi-ratelimit-headers-11, still a draft): on every
 * answer to somebody who is limited, refusals included.
 *
 * Callers are known by what they prove, not by what they ask for: whoever knocks at another's door uses up his own quota. A
 * credential that proves nothing is counted where it came from; there it takes 401s away and never the answers of good ones.
 */
import { createMiddleware } from 'hono/factory'
import type { Gateway } from '../../gateway.ts'
import { subscriberOf } from '../../lib/network.ts'
import type { Hex } from '../../model/ids.ts'
import type { Principal } from '../../model/principal.ts'
import type { RateClass } from '../../model/quota.ts'
import type { Account } from '../../rates/rates.ts'
import type { Caller, Env, MatrixContext } from '../context.ts'
import { asMatrixError, problemResponse } from '../problem.ts'
import { rateClassOf } from '../rate-class.ts'
import { setHeaders } from './request.ts'

type Needs = Pick<Gateway, 'rates' | 'findPrincipal' | 'recall' | 'publicBase'>

export const limited = ({ rates, findPrincipal, recall, publicBase }: Needs) => {
  const subscriber = (c: MatrixContext): string | undefined => {
    const incoming = c.env?.incoming
    const address = incoming && c.get('addresses').ofMessage(incoming)
    return address === undefined ? undefined : subscriberOf(address)
  }

  const ofAddress = (c: MatrixContext): Account | undefined => {
    const from = subscriber(c)
    return from === undefined ? undefined : rates.ofAddress(from)
  }

  /** The warm lane knows a key by its hash, and only those that were met here. */
  const remembered = async (principal: Principal, secretHash: Hex | undefined): Promise<Account> => {
    const account = await rates.of(principal)
    if (secretHash !== undefined) rates.remember(secretHash, account)
    return account
  }

  /** `undefined`: a credential that proves nothing, or a request from inside of the process that brings none. */
  const accountOf = async (c: MatrixContext, who: Caller): Promise<Account | undefined> => {
    const authorization = c.req.header('authorization')
    if ('principal' in who) return remembered(who.principal, recall(authorization)?.secretHash)
    const { secretHash, proven } = who
    if (secretHash === undefined && proven === undefined) return ofAddress(c)
    const known = rates.known(who)
    if (known) return known
    const principal = proven?.principal ?? (await findPrincipal(authorization))
    return principal && remembered(principal, secretHash)
  }

  const countFailure = (c: MatrixContext): void => {
    const from = subscriber(c)
    if (from === undefined || c.req.header('authorization') === undefined) return
    try {
      rates.failed(from)
    } catch (error) {
      c.res = undefined // or its headers would be put over those of the other
      c.res = problemResponse(asMatrixError(error), { base: publicBase(), requestId: c.get('requestId') })
    }
  }

  return createMiddleware<Env>(async (c, next) => {
    const rateClass: RateClass | undefined = rateClassOf(c.req.method, c.req.path)
    let account: Account | undefined
    c.set('admit', async who => {
      account = await accountOf(c, who)
      if (rateClass !== undefined) account?.take(rateClass)
      return account
    })
    await next()
    if (c.res.status === 401) countFailure(c)
    const fields = rateClass && account?.fields(rateClass)
    if (fields) setHeaders(c, fields)
  })
}
