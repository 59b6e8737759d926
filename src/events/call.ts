/** One event to the receiver of a subscription, signed with all of its secrets that are good. */
import type { Clock } from '../lib/clock.ts'
import type { Sealing } from '../lib/sealed.ts'
import type { KeptSubscription } from '../manifest/subscriptions.ts'
import { MatrixError } from '../model/errors.ts'
import { subscriptionSecretPlace } from '../model/subscription.ts'
import type { HookPlaces } from '../outbound/hook-address.ts'
import { type HookAnswer, postHook } from '../outbound/post-hook.ts'
import { signedHeaders } from './sign.ts'

export interface CallDependencies {
  readonly sealing: Sealing
  readonly clock: Clock
  readonly hookPlaces: HookPlaces
  readonly config: { readonly webhookTimeoutMs: number }
}

export interface Called {
  readonly answer: HookAnswer
  readonly ms: number
}

/** Rejects where the signal says so, and where a secret does not open, which is no fault of the receiver's. */
export const callReceiver = async (
  { sealing, clock, hookPlaces, config }: CallDependencies,
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
  const post = { url: subscription.url, headers, body, timeoutMs: config.webhookTimeoutMs, signal }
  const answer = await postHook(hookPlaces, post, now)
  return { answer, ms: Math.round(performance.now() - begun) }
}
