/** Identity hints as the API describes them: an object in JSON, and its text where there is but text. */
import { z } from '@hono/zod-openapi'
import * as wire from '../ingest/names-wire.ts'

/** A copy, for what was made before the framework was loaded cannot be described. */
export const IdentityHintsBody = wire.IdentityHintsBody.clone().openapi({
  type: 'object',
  additionalProperties: { type: 'string' },
  description: 'What tells the thing from others, for people: kept with the version, and nothing is found by it',
  example: { legacy_id: 'A-77' },
})

const readText = (text: string, context: z.RefinementCtx): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    context.addIssue({ code: 'custom', message: 'Expected JSON' })
    return z.NEVER
  }
}

export const IdentityHintsText = z
  .string()
  .max(16_384)
  .transform(readText)
  .pipe(IdentityHintsBody)
  .openapi({ type: 'string', description: 'Of the version, as JSON: `{"legacy_id":"A-77"}`' })
