/** What a ready answer says, as plain headers and values: the route and the warm lane send the same. Pure. */
import { type Cacheable, redirectCacheControl, resolutionCacheControl, resolutionTag } from '../deliver/answer.ts'
import { attachment, cacheTags } from '../deliver/headers.ts'
import type { Presented, PresignedUrl } from '../deliver/presign.ts'
import { digestOf } from '../model/ids.ts'
import type { Located } from '../resolve/cdn.ts'
import type { OriginalAnswer, Ready } from '../resolve/resolve.ts'

export const VARY = 'Accept, Authorization'

export const redirectHeaders = (
  answer: Ready,
  { url, expiresAt }: Located,
  { pinned, now }: Pick<Cacheable, 'pinned'> & { now: number },
) => ({
  Location: url,
  'Cache-Control': redirectCacheControl(
    { pinned, negotiated: answer.negotiated, complete: answer.complete },
    expiresAt - now,
  ),
  Vary: VARY,
  'Cache-Tag': cacheTags(answer),
  'Matrix-Publication': String(answer.publication),
  'Referrer-Policy': 'no-referrer',
})

/** With a word of its bytes: a leaf that was pointed elsewhere answers otherwise under the same publication. */
const tagOf = ({ publication, revision, format, derivative }: Ready): string =>
  `${publication}.${revision}.${format}.${derivative.sha256.slice(0, 8)}`

export const resolutionHeaders = (answer: Ready, { expiresAt }: Located, now: number) => ({
  ETag: resolutionTag(tagOf(answer), expiresAt),
  'Cache-Control': resolutionCacheControl(expiresAt - now),
  Vary: VARY,
  'Matrix-Publication': String(answer.publication),
  'Cache-Tag': cacheTags(answer),
})

export const resolutionDocument = (answer: Ready, { url, expiresAt, via }: Located) => {
  const { derivative } = answer
  return {
    state: 'ready',
    asset: answer.asset,
    version: answer.version,
    publication: answer.publication,
    product: answer.product,
    rendition: answer.rendition,
    revision: answer.revision,
    node: digestOf(answer.node),
    digest: digestOf(derivative.sha256),
    media_type: derivative.mediaType,
    width: derivative.width,
    height: derivative.height,
    bytes: derivative.bytes,
    delivery: {
      url,
      expires_at: new Date(expiresAt).toISOString(),
      cacheable: answer.complete || !answer.negotiated,
      via,
    },
    placeholder: answer.placeholder,
    shared_with: answer.sharedWith,
  }
}

/** What is signed for an original, which may be anything, HTML included: it is always a download. */
export const originalObject = (answer: OriginalAnswer, download: string | undefined): Presented => {
  const { asset, version, mediaType, objectKey: key, filename, grantEndsAt: notAfter } = answer
  return { key, mediaType, disposition: attachment(download ?? filename ?? `${asset}-v${version}`), notAfter }
}

export const originalDocument = (answer: OriginalAnswer, { url, expiresAt, via }: PresignedUrl) => ({
  state: 'ready',
  asset: answer.asset,
  version: answer.version,
  publication: answer.publication,
  product: answer.product,
  rendition: 'original',
  digest: digestOf(answer.sha256),
  media_type: answer.mediaType,
  bytes: answer.bytes,
  filename: answer.filename,
  placeholder: answer.placeholder,
  delivery: { url, expires_at: new Date(expiresAt).toISOString(), cacheable: true, via },
})
