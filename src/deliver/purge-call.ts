/**
 * One call of a purge. Redirects are not followed, for a token would go along; of the answer no more is read than says yes or no,
 * and nothing of it is repeated, for it may name hosts.
 */
import { boundedText } from '../lib/bounded-text.ts'
import type { Clock } from '../lib/clock.ts'
import { retryAfterMs } from '../lib/retry-after.ts'
import type { PurgeAnswer } from './purge.ts'

export interface Called {
  readonly url: string
  readonly method: 'POST' | 'BAN'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly clock: Clock
  readonly timeoutMs?: number
  /** Whether a body that came with a 2xx says yes as well. Default: a 2xx does. */
  readonly isYes?: (body: string) => boolean
}

const TIMEOUT_MS = 15_000
/** Who answers a purge with more than that says nothing that we read. */
const MAX_ANSWER_BYTES = 65_536

export const callPurge = async ({
  url,
  method,
  headers,
  body,
  clock,
  timeoutMs = TIMEOUT_MS,
  isYes,
}: Called): Promise<PurgeAnswer> => {
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      headers,
      ...(body !== undefined && { body }),
      signal,
    })
    const answer = String(response.status)
    if (response.ok && isYes !== undefined) {
      if (isYes((await boundedText(response, MAX_ANSWER_BYTES)) ?? '')) return { ok: true, answer }
      return { ok: false, answer: `${answer} without success`, retryAfterMs: undefined }
    }
    await response.body?.cancel()
    if (response.ok) return { ok: true, answer }
    const wait = retryAfterMs(response.headers.get('retry-after'), clock.now())
    return { ok: false, answer, retryAfterMs: wait, limited: response.status === 429 }
  } catch (error) {
    // The name says whether it was silent or not there; messages of the network may name hosts.
    return { ok: false, answer: error instanceof Error ? error.name : 'failed', retryAfterMs: undefined }
  }
}
