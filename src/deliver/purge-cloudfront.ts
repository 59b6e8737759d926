/**
 * CloudFront: an invalidation by cache tags, which are items of `Paths` that begin with `#`. The distribution has to read tags
 * (`CacheTagConfig` with the header `Cache-Tag`); one that does not takes the call and forgets nothing.
 *
 * `CallerReference` names the call: the same one repeated is the invalidation that it was and does nothing more, so each has one
 * of its own, and one whose answer was lost is paid for twice. 3,000 items may be in progress at once; beyond, the call is
 * refused (`TooManyInvalidationsInProgress`, 400) and comes again like any other.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../lib/clock.ts'
import type { SignAwsRequest } from '../objects/aws-signer.ts'
import type { PurgeTarget } from './purge.ts'
import { callPurge } from './purge-call.ts'

export interface CloudFrontOptions {
  readonly api: string
  readonly distribution: string
  readonly sign: SignAwsRequest
  readonly clock: Clock
}

const TAGS = 300
const NAMESPACE = 'http://cloudfront.amazonaws.com/doc/2020-05-31/'

const escaped = (text: string): string => text.replace(/[<>&]/g, char => `&#${char.charCodeAt(0)};`)

export const invalidationOf = (tags: readonly string[], reference: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><InvalidationBatch xmlns="${NAMESPACE}"><Paths><Quantity>${tags.length}</Quantity><Items>${tags
    .map(tag => `<Path>#${escaped(tag)}</Path>`)
    .join('')}</Items></Paths><CallerReference>${reference}</CallerReference></InvalidationBatch>`

export const openCloudFront = ({ api, distribution, sign, clock }: CloudFrontOptions): PurgeTarget => {
  const url = new URL(`${api}/2020-05-31/distribution/${distribution}/invalidation`)
  return {
    name: 'cloudfront',
    tagsPerCall: TAGS,
    callsAtOnce: 1,
    async send({ tags }) {
      const body = invalidationOf(tags, randomUUID())
      const headers = { 'content-type': 'text/xml' }
      try {
        const signed = await sign({ url, method: 'POST', headers, body, signingDate: new Date(clock.now()) })
        return await callPurge({ url: url.href, method: 'POST', headers: signed, body, clock })
      } catch (error) {
        // No credentials: their provider says more in the log of whoever set it up than may stand in a row.
        return { ok: false, answer: error instanceof Error ? error.name : 'failed', retryAfterMs: undefined }
      }
    },
  }
}
