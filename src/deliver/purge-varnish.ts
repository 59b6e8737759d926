/**
 * Varnish, with the reference VCL: `BAN /` with the tags in `Surrogate-Key` and a token, to each host by itself, for they know
 * nothing of each other. One that is down is told when it is back; its cache is empty then, unless it is one on disk.
 */
import type { Clock } from '../lib/clock.ts'
import type { PurgeTarget } from './purge.ts'
import { callPurge } from './purge-call.ts'

export interface VarnishOptions {
  readonly url: string
  readonly token: string
  readonly clock: Clock
}

export const openVarnish = ({ url, token, clock }: VarnishOptions): PurgeTarget => ({
  name: `varnish ${new URL(url).host}`,
  tagsPerCall: 50,
  callsAtOnce: 2,
  send: ({ tags }) =>
    callPurge({
      url,
      method: 'BAN',
      headers: { 'X-Purge-Token': token, 'Surrogate-Key': tags.join(' ') },
      clock,
    }),
})
