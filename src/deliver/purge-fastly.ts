/**
 * Fastly: a batch of surrogate keys, `POST /service/{id}/purge` with up to 256 of them in `Surrogate-Key`, by a token with the
 * scope `purge_select`. Hard, not soft: what was taken back is not to be shown stale.
 */
import type { Clock } from '../lib/clock.ts'
import type { PurgeTarget } from './purge.ts'
import { callPurge } from './purge-call.ts'

export interface FastlyOptions {
  readonly api: string
  readonly service: string
  readonly token: string
  readonly clock: Clock
}

/** 256 of ours would be 14 KB of one header: half of that passes servers on the way. */
const KEYS = 128

export const openFastly = ({ api, service, token, clock }: FastlyOptions): PurgeTarget => ({
  name: 'fastly',
  tagsPerCall: KEYS,
  callsAtOnce: 2,
  send: ({ tags }) =>
    callPurge({
      url: `${api}/service/${service}/purge`,
      method: 'POST',
      headers: { 'Fastly-Key': token, Accept: 'application/json', 'Surrogate-Key': tags.join(' ') },
      clock,
    }),
})
