/** One event to the receiver of a subscription, signed with all of its secrets that are good. */
import type { Clock } from '../lib/clock.ts'
import type { Sealing } from '../lib/sealed.ts'
import type { KeptSubscription } from '../manifest/subscriptions.ts'
import { MatrixError } from '../model/errors.ts'
import { subscriptionSecretPlace } from '../model/subscription.ts'
import { type HookPlaces, hookAddresses } from '../outbound/hook-address.ts'
import type { HookConnections } from '../outbound/hook-connections.ts'
import { type HookAnswer, postHook } from '../outbound/post-hook.ts'
import { signedHeaders } from './sign.ts'

export interface CallDependencies {
  readonly sealing: Sealing
  readonly clock: Clock
  readonly hookPlaces: HookPlaces
  /** Without them each event has a connection of its own. */
  readonly connections?: HookConnections
  readonly config: { readonly webhookTimeoutMs: number }
}

export interface Called {
  readonly url: string
  readonly answer: HookAnswer
  /** When it began, ms since the epoch. */
  readonly at: number
  readonly ms: number
}

/** Rejects where the signal says so, and where a secret does not open, which is no fault of the receiver's. */
export const callReceiver = async (
  { sealing, clock, hookPlaces, connections, config }: CallDependencies,
  subscription: KeptSubscription,
  {
    id,
    body,
    traceparent,
    signal,
  }: { id: string; body: string; traceparent?: string | undefined; signal: AbortSignal },
): Promise<Called> => {
  const place = subscriptionSecretPlace(subscription)
  const secrets = [subscription.secret, subscription.formerSecret].flatMap(kept => {
    const secret = kept && sealing.open(kept, place)
    return secret === undefined ? [] : [secret]
  })
  if (secrets.length === 0)
    throw new MatrixError('dependency-unavailable', `The secret of ${subscription.id} does not open`)
  const begun = performance.now()
  const now = clock.now()
  const headers = { ...signedHeaders(secrets, { id, body, now }), ...(traceparent && { traceparent }) }
  const url = new URL(subscription.url)
  const route = async (until: AbortSignal) => {
    if (connections) return connections.route(url, subscription.id, until)
    const addresses = await hookAddresses(hookPlaces, url, until)
    return addresses && { addresses }
  }
  const post = { url, headers, body, timeoutMs: config.webhookTimeoutMs, signal, route }
  const answer = await postHook(post, now)
  return { url: subscription.url, answer, at: now, ms: Math.round(performance.now() - begun) }
}
