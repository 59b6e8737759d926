/** Subscriptions as requests name them and answers show them. */
import { z } from '@hono/zod-openapi'
import type { Gateway } from '../gateway.ts'
import type { Sql } from '../manifest/database.ts'
import { findSubscription, type KeptSubscription, lockSubscription } from '../manifest/subscriptions.ts'
import { refuse } from '../model/errors.ts'
import { EVENT_NAMES } from '../model/event-majors.ts'
import { UUID_PATTERN } from '../model/ids.ts'
import { SUBSCRIPTION_STATES } from '../model/subscription.ts'
import { hookAddresses } from '../outbound/hook-address.ts'
import type { MatrixContext } from './context.ts'
import { EventNames } from './event-names.ts'
import { Label, Name } from './validation.ts'

export const EventTypes = EventNames.min(1)
  .max(EVENT_NAMES.length)
  .openapi({
    description: 'Of these types alone; by default of all that it may hear, in their first major',
    example: ['asset.published'],
  })
export const Subject = z
  .string()
  .regex(new RegExp(`^assets/${UUID_PATTERN.source.slice(1)}`))
  .openapi({ description: '`assets/{id}`: about one asset' })
/** The rest of its form is the matter of the URL parser. */
export const HookUrl = z
  .string()
  .max(2048)
  .regex(/^[Hh][Tt][Tt][Pp][Ss]?:\/\/[^\s#@]+$/)
  .refine(text => URL.canParse(text), 'Expected a URL')
  .openapi({ description: 'Where events are posted to', example: 'https://shop.example/hooks/matrix' })

export const wishes = {
  url: HookUrl,
  types: EventTypes.optional(),
  subject: Subject.optional(),
  collection: Name.optional().openapi({ description: 'About assets of one collection' }),
  description: Label.default(''),
}

export const SubscriptionSchema = z
  .object({
    id: z.string(),
    kind: z.literal('webhook'),
    product: z.string().optional().openapi({ description: 'Absent: of the whole tenant' }),
    url: z.string(),
    types: z.array(z.string()).optional(),
    subject: z.string().optional(),
    collection: z.string().optional(),
    description: z.string(),
    state: z.enum(SUBSCRIPTION_STATES),
    disabled_reason: z.string().optional(),
    secret_at: z.string().openapi({ description: 'When its secret was made' }),
    former_secret_until: z.string().optional().openapi({ description: 'Until then the one before signs as well' }),
    created_by: z.string(),
    created_at: z.string(),
    cursor: z.int().openapi({ description: 'Up to this number of the log everything has been looked at for it' }),
    failing_since: z.string().optional().openapi({ description: 'Nothing has been taken by it since' }),
    etag: z.string(),
  })
  .openapi('Subscription')

/** What somebody has set, and what its tag is made of. */
export const presentWish = (one: KeptSubscription) => ({
  id: one.id,
  kind: 'webhook' as const,
  product: one.product,
  url: one.url,
  types: one.types && [...one.types],
  subject: one.asset && `assets/${one.asset}`,
  collection: one.collection,
  description: one.description,
  state: one.state,
  disabled_reason: one.disabledReason,
  secret_at: one.secretAt.toISOString(),
  former_secret_until: one.formerUntil?.toISOString(),
  created_by: one.createdBy,
  created_at: one.createdAt.toISOString(),
})

/** A query, and what stands in it, is kept out of the audit: receivers that cannot verify are often told apart by it. */
export const auditedWish = (one: KeptSubscription) => {
  const { origin, pathname } = new URL(one.url)
  return { ...presentWish(one), url: `${origin}${pathname}` }
}

export const SubscriptionId = z.string().regex(/^sub_[0-9a-f]{32}$/)

const noSuchSubscription = () => refuse('not-found', 'There is no such subscription.')

/** Of the product that asks; of an administrator, any. Throws `not-found`. */
const owned = (c: MatrixContext, found: KeptSubscription | undefined): KeptSubscription => {
  const { product, scopes } = c.get('principal')
  if (found === undefined || (!scopes.includes('matrix:admin') && (product === undefined || found.product !== product)))
    throw noSuchSubscription()
  return found
}

export const ownSubscription = async (c: MatrixContext, sql: Sql, id: string): Promise<KeptSubscription> =>
  owned(c, await findSubscription(sql, c.get('principal').tenant, id))

export const lockOwnSubscription = async (c: MatrixContext, tx: Sql, id: string): Promise<KeptSubscription> =>
  owned(c, await lockSubscription(tx, c.get('principal').tenant, id))

const LOOK_MS = 5_000

/** Throws `url-forbidden`. */
export const requireReachable = async ({ hookPlaces }: Pick<Gateway, 'hookPlaces'>, url: string): Promise<void> => {
  // A name server that does not answer is told like a name that has no address.
  const found = await hookAddresses(hookPlaces, new URL(url), AbortSignal.timeout(LOOK_MS)).catch(() => undefined)
  if (found === undefined)
    throw refuse('url-forbidden', 'The host has no address, or no port, that events are told to.')
}
