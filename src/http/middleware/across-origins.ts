/** For documents that pages read, by the `origins` of the product: what is refused, and what is answered. */
import { createMiddleware } from 'hono/factory'
import type { Env } from '../context.ts'
import { crossOriginOf } from '../cross-origin.ts'

/** Stands before whatever may refuse. What answers is to `learnFor` it. */
export const acrossOrigins = createMiddleware<Env>(async (c, next) => {
  c.set('asked', { link: undefined, isKept: false, browser: undefined })
  await next()
  if (c.error !== undefined) return // its answer says so itself
  for (const [name, value] of Object.entries(crossOriginOf(c))) c.header(name, value, { append: name === 'Vary' })
})
