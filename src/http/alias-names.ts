/** Names of an asset in other systems, as senders say them: in JSON, and in one text where there is but text. */
import { z } from '@hono/zod-openapi'
import { ALIAS_NAMESPACE, EXTERNAL_ID, MAX_ALIASES_AT_ONCE, namesPerson, orderedAliases } from '../model/alias.ts'
import { Name } from './validation.ts'

export const Namespace = Name.refine(
  name => name !== ALIAS_NAMESPACE,
  'Expected another namespace: `alias` is that of the alias which an asset is given when it is made',
)

const ExternalId = z
  .string()
  .transform(text => text.normalize('NFC'))
  .pipe(
    z
      .string()
      .regex(EXTERNAL_ID)
      .refine(
        text => !namesPerson(text),
        'Expected the name of a thing: an e-mail address or a telephone number is one of a person',
      ),
  )

const AliasBody = z.strictObject({ namespace: Namespace, external_id: ExternalId })

/** Each once, in one order. */
export const Aliases = z
  .array(AliasBody)
  .max(MAX_ALIASES_AT_ONCE)
  .transform(given =>
    orderedAliases(given.map(({ namespace, external_id: externalId }) => ({ namespace, externalId }))),
  )
  .openapi({
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
