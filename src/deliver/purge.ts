/**
 * Telling the caches in front what to forget: the port. A generic webhook is one driver (purge-webhook.ts); what speaks to a
 * certain CDN is another, with the same request and the same answer.
 */
import type { Purge } from '../model/purge.ts'

/** Anything but a clear yes is a no: a purge that may have been lost is asked for again. `answer`: a status, or a word. */
export type PurgeAnswer =
  | { readonly ok: true; readonly answer: string }
  | { readonly ok: false; readonly answer: string; readonly retryAfterMs: number | undefined }

/** Resolves, whatever happens; answers within a bounded time. */
export type Purger = (purge: Purge) => Promise<PurgeAnswer>
