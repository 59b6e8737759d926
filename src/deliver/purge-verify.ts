/**
 * Whether a purge has done what it should: a sample of what was purged is asked for through the cache, by whom nobody knows. What
 * the manifest hides must be refused, and what it shows must have the digest that it has now. A cache that never had the sample
 * passes too: it is told apart from one that forgot it by nothing that matters.
 */
import type { Config } from '../config.ts'
import type { Database } from '../manifest/database.ts'
import { type PurgeSample, samplePurge } from '../manifest/purge-samples.ts'
import { writeDeliveryPath } from '../model/delivery-path.ts'
import type { Purge } from '../model/purge.ts'

export interface Verified {
  /** `no answer`: the cache itself is not there. */
  readonly result: 'fresh' | 'stale' | 'no sample' | 'cannot tell' | 'no answer'
  /** Status and `Age`, for whoever looks into it. */
  readonly answer: string
}

export interface PurgeVerifier {
  /** After the last of those who were told has said yes. */
  readonly afterMs: number
  /** Resolves, whatever happens; answers within a bounded time. */
  readonly ask: (purge: Purge) => Promise<Verified>
}

const TIMEOUT_MS = 10_000

export const judge = (
  expects: PurgeSample['expects'],
  { status, etag }: { status: number; etag: string | null },
): Verified['result'] => {
  if (status >= 500) return 'no answer'
  if (expects === 'hidden' && status < 300) return 'stale'
  if (status >= 400) return 'fresh' // what is not ready, or a refusal that caches keep for seconds
  if (expects === undefined || expects === 'hidden' || status !== 200 || etag === null) return 'cannot tell'
  return etag.includes(expects.sha256) ? 'fresh' : 'stale'
}

/** `undefined`: nobody asks. Callers without a credential are of one tenant, so only its samples say anything. */
export const openPurgeVerifier = (
  {
    purgeVerifyUrl: base,
    purgeVerifySeconds,
    tenant: visible,
  }: Pick<Config, 'purgeVerifyUrl' | 'purgeVerifySeconds' | 'tenant'>,
  database: Database,
): PurgeVerifier | undefined => {
  if (base === undefined) return undefined
  return {
    afterMs: purgeVerifySeconds * 1000,
    async ask(purge) {
      const sample = purge.tenant === visible ? await samplePurge(database, purge) : undefined
      if (sample === undefined) return { result: 'no sample', answer: 'no sample' }
      try {
        // GET, not HEAD: caches keep answers to the one and pass on the other.
        const response = await fetch(base + writeDeliveryPath(sample.path), {
          redirect: 'manual',
          signal: AbortSignal.timeout(TIMEOUT_MS),
        })
        await response.body?.cancel()
        const { status, headers } = response
        const age = headers.get('age')
        return {
          result: judge(sample.expects, { status, etag: headers.get('etag') }),
          answer: age === null ? String(status) : `${status} age ${age.slice(0, 10)}`,
        }
      } catch (error) {
        return { result: 'no answer', answer: error instanceof Error ? error.name : 'failed' }
      }
    },
  }
}
