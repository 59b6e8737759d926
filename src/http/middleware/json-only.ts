import { createMiddleware } from 'hono/factory'
import { refuse } from '../../model/errors.ts'
import type { Env } from '../context.ts'

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\b/i

/** Bodies of these routes are JSON and say so: the framework leaves any other kind unread and unchecked. */
export const jsonOnly = createMiddleware<Env>(async (c, next) => {
  const mediaType = c.req.header('content-type')
  if (mediaType !== undefined && !JSON_TYPE.test(mediaType)) {
    throw refuse('unsupported-media', 'Send the body as application/json.')
  }
  await next()
})
