/** Inputs are parsed once, here at the edge; what does not fit is one problem that names every place. */
import type { Hook } from '@hono/zod-openapi'
import { z } from '@hono/zod-openapi'
import { refuse, type Violation } from '../model/errors.ts'
import { NAME_PATTERN, UUID_PATTERN } from '../model/ids.ts'
import type { Env } from './context.ts'

export const violationsOf = (error: z.ZodError): Violation[] =>
  error.issues.map(({ path, code, message }) => ({ pointer: `/${path.map(String).join('/')}`, rule: code, message }))

/** A body that does not fit is 422; a path, query or header that does not is 400. */
export const validationHook: Hook<unknown, Env, string, unknown> = result => {
  if (result.success) return
  const violations = violationsOf(result.error as z.ZodError)
  if (result.target === 'json' || result.target === 'form')
    throw refuse('contract-violation', 'The body does not fit its schema.', { violations })
  // An id of the wrong form names nothing; it is answered like one that names nothing.
  if (result.target === 'param') throw refuse('not-found', 'There is nothing under this path.')
  throw refuse('invalid-request', `The ${result.target} does not fit its schema.`, { violations })
}

export const Name = z.string().regex(NAME_PATTERN)
export const AssetIdParam = z.string().regex(UUID_PATTERN)
const MAX_VERSION = 2_147_483_647
export const VersionParam = z.coerce.number().int().min(1).max(MAX_VERSION)
export const Version = z.int().min(1).max(MAX_VERSION)
/** What people read: control characters are never meant, and Postgres holds no NUL. */
export const Label = z
  .string()
  .max(200)
  .regex(/^\P{Cc}*$/u)
export { Moment } from '../policy/edge-wire.ts'

/** Query of every write of the configuration. */
export const WriteQuery = z.strictObject({
  validate_only: z
    .enum(['true', 'false'])
    .optional()
    .openapi({ description: '`true`: the same checks and the same answer, and no effect' }),
})

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 500

/** `limit` above the maximum is coerced to it. */
export const Paging = {
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .default(DEFAULT_LIMIT)
    .transform(limit => Math.min(limit, MAX_LIMIT)),
  cursor: z.string().max(200).optional(),
}

const CURSOR = /^[A-Za-z0-9_-]+$/

/** A cursor is the last key of the page before, opaque to clients. */
export const readCursor = (cursor: string | undefined, pattern: RegExp): string | undefined => {
  if (cursor === undefined) return undefined
  const key = CURSOR.test(cursor) ? Buffer.from(cursor, 'base64url').toString('utf8') : ''
  if (!pattern.test(key)) throw refuse('invalid-cursor', 'The cursor is not one that was issued.')
  return key
}

export const page = <T>(items: readonly T[], limit: number, keyOf: (item: T) => string) => {
  const shown = items.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown,
    ...(items.length > limit && last !== undefined
      ? { next_cursor: Buffer.from(keyOf(last)).toString('base64url') }
      : {}),
  }
}
