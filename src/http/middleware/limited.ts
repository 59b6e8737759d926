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
import type { RateClass } from '../../model/quota.ts'
import type { Account } from '../../rates/rates.ts'
import { openClientAddress } from '../client-address.ts'
import type { Credential, Env, MatrixContext } from '../context.ts'
import { asMatrixError, problemResponse } from '../problem.ts'
import { rateClassOf } from '../rate-class.ts'
import { setHeaders } from './request.ts'

type Needs = Pick<Gateway, 'config' | 'rates' | 'findPrincipal' | 'publicBase'>

export const limited = ({ config, rates, findPrincipal, publicBase }: Needs) => {
  const addresses = openClientAddress(config.trustedProxies)
  const subscriber = (c: MatrixContext): string | undefined => {
    const address = addresses.ofContext(c)
    return address === undefined ? undefined : subscriberOf(address)
  }

  const ofAddress = (c: MatrixContext): Account | undefined => {
    const from = subscriber(c)
    return from === undefined ? undefined : rates.ofAddress(from)
  }

  /** `undefined`: a credential that proves nothing, or a request from inside of the process that brings none. */
  const accountOf = async (c: MatrixContext, { secretHash, proven }: Credential): Promise<Account | undefined> => {
    if (secretHash === undefined) return proven ? rates.of(proven.principal) : ofAddress(c)
    const known = rates.known(secretHash)
    if (known) return known
    const principal = proven?.principal ?? (await findPrincipal(c.req.header('authorization')))
    if (!principal) return undefined
    const account = await rates.of(principal)
    rates.remember(secretHash, account)
    return account
  }

  const countFailure = (c: MatrixContext): void => {
    const from = subscriber(c)
    if (from === undefined || c.req.header('authorization') === undefined) return
    try {
      rates.failed(from)
    } catch (error) {
      c.res = problemResponse(asMatrixError(error), { base: publicBase(), requestId: c.get('requestId') })
    }
  }

  return createMiddleware<Env>(async (c, next) => {
    const rateClass: RateClass | undefined = rateClassOf(c.req.method, c.req.path)
    let account: Account | undefined
    c.set('admit', async credential => {
      account = await accountOf(c, credential)
      if (rateClass !== undefined) account?.take(rateClass)
      return account
    })
    await next()
    if (c.res.status === 401) countFailure(c)
    const fields = rateClass && account?.fields(rateClass)
    if (fields) setHeaders(c, fields)
  })
}
