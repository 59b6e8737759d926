/**
 * Purges by webhook, signed as Standard Webhooks has it: `webhook-signature: v1,<base64 HMAC-SHA-256 of id.timestamp.body>`.
 * Redirects are not followed and of the answer only the head is read: a status from 200 to 299 is a yes.
 */
import { createHmac } from 'node:crypto'
import type { Clock } from '../lib/clock.ts'
import type { PurgeAnswer, Purger } from './purge.ts'

export interface PurgeWebhook {
  readonly url: string
  readonly secret: Buffer
  readonly clock: Clock
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 15_000

export const signWebhook = (
  secret: Buffer,
  { id, timestamp, body }: { id: string; timestamp: number; body: string },
): string => `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')}`

/** RFC 9110 section 10.2.3: seconds, or a date. */
const retryAfter = (header: string | null, now: number): number | undefined => {
  if (header === null) return undefined
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isFinite(ms) && ms > 0 ? ms : undefined
}

export const openPurgeWebhook =
  ({ url, secret, clock, timeoutMs = TIMEOUT_MS }: PurgeWebhook): Purger =>
  async ({ id, tenant, reason, subject, tags, createdAt }): Promise<PurgeAnswer> => {
    const timestamp = Math.floor(clock.now() / 1000)
    const body = JSON.stringify({ tenant, reason, subject, tags, created_at: createdAt.toISOString() })
    try {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        body,
        headers: {
          'Content-Type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(timestamp),
          'webhook-signature': signWebhook(secret, { id, timestamp, body }),
        },
        signal: AbortSignal.timeout(timeoutMs),
      })
      await response.body?.cancel()
      const answer = String(response.status)
      if (response.ok) return { ok: true, answer }
      return { ok: false, answer, retryAfterMs: retryAfter(response.headers.get('retry-after'), clock.now()) }
    } catch (error) {
      // The name says whether it was silent or not there; messages of the network may name hosts.
      return { ok: false, answer: error instanceof Error ? error.name : 'failed', retryAfterMs: undefined }
    }
  }
