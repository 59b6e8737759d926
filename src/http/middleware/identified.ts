/**
 * For questions that look the caller's key up together with their answers, with a body or many parts: nobody's body is read who
 * proves nothing, and a key that was met before costs no look-up of its own.
 */
import { createMiddleware } from 'hono/factory'
import type { Gateway } from '../../gateway.ts'
import { unauthenticated } from '../../policy/authenticate.ts'
import type { Env } from '../context.ts'

/** Puts credential and account into the context. Throws `unauthenticated`. */
export const identified = ({ identify }: Pick<Gateway, 'identify'>) =>
  createMiddleware<Env>(async (c, next) => {
    const credential = await identify(c.req.header('authorization'))
    if (credential.secretHash === undefined && credential.proven === undefined) throw unauthenticated()
    const account = await c.get('admit')(credential)
    if (account === undefined) throw unauthenticated()
    c.set('identity', { credential, account })
    await next()
  })
