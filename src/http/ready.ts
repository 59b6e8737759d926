/** What a ready answer says, as plain headers and values: the route and the warm lane send the same. Pure. */
import { redirectCacheControl, resolutionCacheControl, resolutionTag } from '../deliver/answer.ts'
import { cacheStatus } from '../deliver/cache-status.ts'
import { crossOriginHeaders } from '../deliver/cross-origin.ts'
import { deprecationFields, presentDeprecation } from '../deliver/deprecation.ts'
import { attachment, cacheTags } from '../deliver/headers.ts'
import { DENSITY_HINTS } from '../deliver/hints.ts'
import type { Presented, PresignedUrl } from '../deliver/presign.ts'
import { varyOf } from '../deliver/vary.ts'
import { digestOf } from '../model/ids.ts'
import type { Located } from '../resolve/cdn.ts'
import type { Info } from '../resolve/info.ts'
import type { OriginalAnswer, Ready } from '../resolve/resolve.ts'
import { dependsOf, type Presentation } from './presentation.ts'

type Shown = Pick<Presentation, 'pinned' | 'link' | 'needsCredential' | 'modeNegotiated' | 'origin'> & {
  readonly now: number
}

/**
 * What any answer says of what it depended on and of who may read it. Filled in, not spread: an object that is spread is built
 * property by property in the runtime, and so is what is assigned to it after that.
 */
export const sayCommon = <T extends Record<string, string>>(
  headers: T,
  answer: Ready | OriginalAnswer | Info,
  shown: Pick<Presentation, 'link' | 'needsCredential' | 'modeNegotiated' | 'origin'>,
): T => {
  const all: Record<string, string> = headers
  const vary = varyOf(dependsOf(answer, shown))
  if (vary !== '') all.Vary = vary
  if (answer.kind === 'ready' && answer.density !== undefined) all['Accept-CH'] = DENSITY_HINTS
  all['Cache-Status'] = cacheStatus(answer.remembered)
  if (answer.kind === 'ready' && answer.deprecation !== undefined)
    Object.assign(all, deprecationFields(answer.deprecation))
  const crossOrigin = crossOriginHeaders(answer.browser, shown.origin)
  if (crossOrigin !== undefined) Object.assign(all, crossOrigin)
  return headers
}

export const redirectHeaders = (answer: Ready, { url, expiresAt }: Located, shown: Shown) => {
  const { negotiated, complete, publication } = answer
  const { pinned, now } = shown
  const headers = {
    Location: url,
    'Cache-Control': redirectCacheControl({ pinned, negotiated, complete }, expiresAt - now),
    'Cache-Tag': cacheTags(answer),
    'Matrix-Publication': String(publication),
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    // Said, or node sends an empty body in chunks, whose end is a second buffer to write: 6 us.
    'Content-Length': '0',
  }
  return sayCommon(headers, answer, shown)
}

/** With a word of its bytes: a leaf that was pointed elsewhere answers otherwise under the same publication. And with its end. */
const tagOf = ({ publication, revision, format, derivative, deprecation }: Ready): string => {
  const tag = `${publication}.${revision}.${format}.${derivative.sha256.slice(0, 8)}`
  return deprecation === undefined ? tag : `${tag}.${deprecation.sunset.getTime().toString(36)}`
}

export const resolutionHeaders = (answer: Ready, { expiresAt }: Located, shown: Shown) => {
  const headers = {
    ETag: resolutionTag(tagOf(answer), expiresAt),
    'Cache-Control': resolutionCacheControl(expiresAt - shown.now),
    'Matrix-Publication': String(answer.publication),
    'Cache-Tag': cacheTags(answer),
    'X-Content-Type-Options': 'nosniff',
  }
  return sayCommon(headers, answer, shown)
}

export const resolutionDocument = (answer: Ready, { url, expiresAt, via }: Located) => {
  const { derivative } = answer
  return {
    state: 'ready',
    asset: answer.asset,
    version: answer.version,
    publication: answer.publication,
    product: answer.product,
    rendition: answer.rendition,
    dpr: answer.dpr,
    revision: answer.revision,
    deprecation: answer.deprecation && presentDeprecation(answer.deprecation),
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
