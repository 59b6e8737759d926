/** Who is told of events by webhook, and how far the telling is. */
import type { EventName } from './event-catalogue.ts'
import type { Principal, Scope } from './principal.ts'

export const SUBSCRIPTION_STATES = ['ACTIVE', 'PAUSED', 'DISABLED'] as const
export type SubscriptionState = (typeof SUBSCRIPTION_STATES)[number]

/** `WAITING`: for an earlier one about the same asset. */
export const DELIVERY_STATES = ['WAITING', 'PENDING', 'DONE', 'DEAD'] as const
export type DeliveryState = (typeof DELIVERY_STATES)[number]

/** What a subscription may hear is decided with these and no others. */
export const HEARING_SCOPES = ['assets:read', 'publish', 'events:read'] as const satisfies readonly Scope[]

export interface Subscription {
  readonly tenant: string
  readonly id: string
  /** `undefined`: the whole tenant's, of its administrators. */
  readonly product: string | undefined
  readonly url: string
  /** `undefined`: of every type, in its first major. */
  readonly types: readonly EventName[] | undefined
  readonly asset: string | undefined
  readonly collection: string | undefined
  readonly description: string
  /** Of the key that said last where it is told. */
  readonly scopes: readonly Scope[]
}

/** In whose name it hears: what its product may know at that time, and no more than the key could that made it. */
export const listenerOf = ({
  tenant,
  id,
  product,
  scopes,
}: Pick<Subscription, 'tenant' | 'id' | 'product' | 'scopes'>): Principal => ({
  tenant,
  kind: 'key',
  id,
  product,
  scopes,
})

/** What its secrets are bound to where they are sealed. */
export const subscriptionSecretPlace = ({ tenant, id }: { tenant: string; id: string }): string =>
  `subscription/${tenant}/${id}`

/** Why one was not taken: the class by which it is tried again. */
export const FAILURE_CLASSES = [
  'timeout',
  'unreachable',
  'url-forbidden',
  'redirect',
  'gone',
  'throttled',
  'refused',
  'failed',
] as const
export type FailureClass = (typeof FAILURE_CLASSES)[number]

export interface Attempt {
  readonly at: string
  readonly ms: number
  readonly status?: number | undefined
  /** Absent: it was taken. */
  readonly class?: FailureClass | undefined
}
