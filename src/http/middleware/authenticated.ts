import { createMiddleware } from 'hono/factory'
import { refuse } from '../../model/errors.ts'
import type { Principal, Scope } from '../../model/principal.ts'
import { unauthenticated } from '../../policy/authenticate.ts'
import type { Env } from '../context.ts'

/** The live principal behind an Authorization header; reads of one event-loop turn share a query. */
export type FindPrincipal = (authorization: string | undefined) => Promise<Principal | undefined>

/** Requires a live credential and puts its principal into the context. Throws `unauthenticated`. */
export const authenticated = (find: FindPrincipal) =>
  createMiddleware<Env>(async (c, next) => {
    const principal = await find(c.req.header('authorization'))
    if (principal === undefined) throw unauthenticated()
    c.set('principal', principal)
    await c.get('admit')({ principal })
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
