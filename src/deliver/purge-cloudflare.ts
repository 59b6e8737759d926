/**
 * Cloudflare: purge by cache tags, `POST /zones/{zone}/purge_cache {"tags":[…]}`, by a token with the permission Cache Purge. Up
 * to 100 tags a call are documented for every plan, and 30 were before; 30 do for both. Calls are counted in a bucket (free: 25,
 * and 5 a minute more), so they are made one after the other and end with the first 429.
 */
import type { Clock } from '../lib/clock.ts'
import type { PurgeTarget } from './purge.ts'
import { callPurge } from './purge-call.ts'

export interface CloudflareOptions {
  readonly api: string
  readonly zone: string
  readonly token: string
  readonly clock: Clock
}

/** `{"success": true}`: errors may come with 200. */
const isSuccess = (body: string): boolean => {
  try {
    return (JSON.parse(body) as { success?: unknown } | null)?.success === true
  } catch {
    return false // not what Cloudflare answers
  }
}

export const openCloudflare = ({ api, zone, token, clock }: CloudflareOptions): PurgeTarget => ({
  name: 'cloudflare',
  tagsPerCall: 30,
  callsAtOnce: 1,
  send: ({ tags }) =>
    callPurge({
      url: `${api}/zones/${zone}/purge_cache`,
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ tags }),
      clock,
      isYes: isSuccess,
    }),
})
