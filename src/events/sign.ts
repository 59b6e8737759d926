/** What an event is signed with: Standard Webhooks, `webhook-id` the same with every try. https://www.standardwebhooks.com */
import { signWebhook } from '../deliver/purge-webhook.ts'

/** With two secrets in a rotation, a signature by each: the receiver believes any. */
export const signedHeaders = (
  secrets: readonly string[],
  { id, body, now }: { id: string; body: string; now: number },
): Readonly<Record<string, string>> => {
  const timestamp = Math.floor(now / 1000)
  const sign = (secret: string): string =>
    signWebhook(Buffer.from(secret.replace(/^whsec_/, ''), 'base64'), { id, timestamp, body })
  return {
    'Content-Type': 'application/cloudevents+json',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': secrets.map(sign).join(' '),
  }
}
