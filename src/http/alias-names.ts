/** Names of an asset in other systems, as the API describes them: in JSON, and in one text where there is but text. */
import { z } from '@hono/zod-openapi'
import * as wire from '../ingest/names-wire.ts'

/** A copy, for what was made before the framework was loaded cannot be described. */
export const Aliases = wire.Aliases.clone().openapi({
  type: 'array',
  items: {
    type: 'object',
    properties: { namespace: { type: 'string' }, external_id: { type: 'string' } },
    required: ['namespace', 'external_id'],
  },
  description: 'What it is called in other systems: taken together, or 409 `alias-conflict` and none',
  example: [{ namespace: 'erp', external_id: '4711' }],
})

/** `erp:4711,dam:a%2Cb` */
const readText = (text: string, context: z.RefinementCtx): unknown => {
  try {
    return text.split(',').map(one => {
      const at = one.indexOf(':')
      return { namespace: one.slice(0, Math.max(0, at)), external_id: decodeURIComponent(one.slice(at + 1)) }
    })
  } catch {
    context.addIssue({ code: 'custom', message: 'Expected ids as in a URL: a percent sign is `%25`' })
    return z.NEVER
  }
}

export const AliasesText = z.string().min(1).max(32_768).transform(readText).pipe(Aliases).openapi({
  type: 'string',
  description: 'What it is called in other systems: `namespace:id`, the ids as in a URL, separated by commas',
  example: 'erp:4711,dam:a%2Cb',
})
