/**
 * Purges by webhook, signed as Standard Webhooks has it: `webhook-signature: v1,<base64 HMAC-SHA-256 of id.timestamp.body>`.
 * A status from 200 to 299 is a yes.
 */
import { createHmac } from 'node:crypto'
import type { Clock } from '../lib/clock.ts'
import type { PurgeTarget } from './purge.ts'
import { callPurge } from './purge-call.ts'

export interface PurgeWebhook {
  readonly url: string
  readonly secret: Buffer
  readonly clock: Clock
  readonly timeoutMs?: number
}

export const signWebhook = (
  secret: Buffer,
  { id, timestamp, body }: { id: string; timestamp: number; body: string },
): string => `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')}`

export const openPurgeWebhook = ({ url, secret, clock, timeoutMs }: PurgeWebhook): PurgeTarget => ({
  name: 'webhook',
  tagsPerCall: undefined,
  callsAtOnce: 16,
  async send({ purges: [purge], tags }) {
    if (purge === undefined) return { ok: true, answer: 'nothing to tell' }
    const { id, tenant, reason, subject, createdAt } = purge
    const timestamp = Math.floor(clock.now() / 1000)
    const body = JSON.stringify({ tenant, reason, subject, tags, created_at: createdAt.toISOString() })
    return callPurge({
      url,
      method: 'POST',
      body,
      headers: {
        'Content-Type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signWebhook(secret, { id, timestamp, body }),
      },
      clock,
      ...(timeoutMs !== undefined && { timeoutMs }),
    })
  },
})
