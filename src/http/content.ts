/** What is said of bytes that leave through us or a front of ours, whoever carries them. */
import { cdnCacheControl, contentTag, originalCacheControl, streamCacheControl } from '../deliver/answer.ts'
import { attachment, ORIGINAL_HEADERS, tagFields } from '../deliver/headers.ts'
import type { Gateway } from '../gateway.ts'
import type { Hex } from '../model/ids.ts'
import type { Common } from '../resolve/answer.ts'
import type { OriginalAnswer, Ready } from '../resolve/resolve.ts'
import type { Presentation } from './presentation.ts'
import { sayCommon } from './ready.ts'

/** Bytes, and what is said of them. */
export interface Content {
  readonly kind: 'ready' | 'original'
  readonly sha256: Hex
  readonly bytes: number
  readonly objectKey: string
  /** Of a 200, without its length. */
  readonly headers: Readonly<Record<string, string>> & { readonly ETag: string }
}

/**
 * A share link may be taken back at any time, so no copy under it is fresh for longer than a presigned URL lives; a signed URL
 * is good until it expires, whatever happens, and so is a copy of what it gives.
 */
export const remainingMs = (
  { grantEndsAt }: Pick<Common, 'grantEndsAt'>,
  { link }: Pick<Presentation, 'link'>,
  { now, revocableMs }: { now: number; revocableMs: number },
): number | undefined => {
  const left = grantEndsAt === undefined ? undefined : grantEndsAt - now
  return link === 'share' ? Math.min(left ?? revocableMs, revocableMs) : left
}

/**
 * What the path alone admits is anybody's who has the path, and a shared cache that keys on it keeps the secret. A signature in
 * the query does not make an answer public: there are caches that leave the query out of their keys.
 */
export const isShared = ({ visibility }: Pick<Common, 'visibility'>, { link }: Pick<Presentation, 'link'>): boolean =>
  visibility === 'public' || (visibility === 'private' && (link === 'path' || link === 'share'))

export const validators = (sha256: Hex) => ({
  ETag: contentTag(sha256),
  'Repr-Digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`,
})

const sayOriginal = (
  headers: Record<string, string>,
  answer: OriginalAnswer,
  { download, leftMs }: { download: string | undefined; leftMs: number | undefined },
): void => {
  const { asset, version, filename } = answer
  Object.assign(headers, ORIGINAL_HEADERS)
  headers['Content-Disposition'] = attachment(download ?? filename ?? `${asset}-v${version}`)
  headers['Cache-Control'] = originalCacheControl(leftMs)
}

const sayDerivative = (
  headers: Record<string, string>,
  { negotiated, complete, density }: Ready,
  {
    pinned,
    isPublic,
    leftMs,
    purges,
  }: { pinned: boolean; isPublic: boolean; leftMs: number | undefined; purges: boolean },
): void => {
  const cacheable = { pinned, negotiated, complete, isPublic, remainingMs: leftMs }
  headers['Cache-Control'] = streamCacheControl(cacheable)
  if (density !== undefined) headers['Content-DPR'] = String(density)
  const forCdn = purges ? cdnCacheControl(cacheable) : undefined
  if (forCdn !== undefined) headers['CDN-Cache-Control'] = forCdn
}

export const contentFor = (
  answer: Ready | OriginalAnswer,
  presentation: Presentation,
  { clock, config, purgeTargets }: Pick<Gateway, 'clock' | 'config' | 'purgeTargets'>,
): Content => {
  const { download, link, pinned } = presentation
  const { sha256, bytes, objectKey, mediaType } = answer.kind === 'original' ? answer : answer.derivative
  const leftMs = remainingMs(answer, presentation, { now: clock.now(), revocableMs: config.presignSeconds * 1000 })
  const headers: Record<string, string> & { ETag: string } = {
    ...validators(sha256),
    'Content-Type': mediaType,
    'Accept-Ranges': 'bytes',
    'Matrix-Publication': String(answer.publication),
    'X-Content-Type-Options': 'nosniff',
    ...tagFields(answer),
  }
  sayCommon(headers, answer, presentation)
  if (link !== undefined) headers['Referrer-Policy'] = 'no-referrer'
  if (answer.kind === 'original') sayOriginal(headers, answer, { download, leftMs })
  else
    sayDerivative(headers, answer, {
      pinned,
      isPublic: isShared(answer, presentation),
      leftMs,
      // Only where caches in front are told what to forget.
      purges: purgeTargets.length > 0,
    })
  return { kind: answer.kind, sha256, bytes, objectKey, headers }
}
