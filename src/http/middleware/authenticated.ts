import { createMiddleware } from 'hono/factory'
import { refuse } from '../../model/errors.ts'
import type { Principal, Scope } from '../../model/principal.ts'
import { presentedKey, unauthenticated } from '../../policy/authenticate.ts'
import type { Env } from '../context.ts'

/** The live principal behind a key's hash; reads of one event-loop turn share a query. */
export type FindPrincipal = (secretHash: string) => Promise<Principal | undefined>

/** Requires a live key and puts its principal into the context. Throws `unauthenticated`. */
export const authenticated = (find: FindPrincipal) =>
  createMiddleware<Env>(async (c, next) => {
    const hash = presentedKey(c.req.header('authorization'))
    const principal = hash === undefined ? undefined : await find(hash)
    if (principal === undefined) throw unauthenticated()
    c.set('principal', principal)
    await c.get('admit')({ secretHash: hash, proven: { principal } })
    await next()
  })

/** Requires a scope; an administrator has them all. Throws `forbidden`. */
export const requires = (scope: Scope) =>
  createMiddleware<Env>(async (c, next) => {
    const { scopes } = c.get('principal')
    if (!scopes.includes(scope) && !scopes.includes('matrix:admin')) {
      throw refuse('forbidden', `This needs the scope ${scope}.`, { details: { reasons: [`scope-missing:${scope}`] } })
    }
    await next()
  })
