/** info.json: what is known of a version, as a document that caches may keep like its pictures. */
import { streamCacheControl } from '../deliver/answer.ts'
import { tagFields } from '../deliver/headers.ts'
import type { Gateway } from '../gateway.ts'
import type { Info } from '../resolve/info.ts'
import { lineOf } from '../resolve/manifest.ts'
import type { Question } from '../resolve/resolve.ts'
import { documentResponse } from './conditional.ts'
import { stateTag } from './configuration.ts'
import { isShared, remainingMs } from './content.ts'
import type { MatrixContext } from './context.ts'
import { pendingResponse } from './pending.ts'
import type { Presentation } from './presentation.ts'
import { coloursOf, creditOf } from './reading.ts'
import { sayCommon } from './ready.ts'

const infoDocument = ({
  asset,
  version,
  publication,
  product,
  mediaType,
  size,
  placeholder,
  renditions,
  metadata,
}: Info) => ({
  asset,
  version,
  publication,
  product,
  media_type: mediaType,
  ...size,
  placeholder,
  colours: coloursOf(metadata),
  credit: creditOf(metadata?.reading.reading ?? {}),
  // Each as the product's manifest has it, without what all of them share.
  renditions: renditions.map(leaf => {
    const { asset: _asset, version: _version, ...line } = lineOf(product, leaf)
    return line
  }),
})

/** Pinned or not, it may learn of another rendition at any time, and is short-lived. */
const headersOf = (
  info: Info,
  link: Presentation['link'],
  { clock, config }: Pick<Gateway, 'clock' | 'config'>,
): Record<string, string> => ({
  'Cache-Control': streamCacheControl({
    pinned: false,
    negotiated: false,
    complete: true,
    isPublic: isShared(info, { link }),
    remainingMs: remainingMs(info, { link }, { now: clock.now(), revocableMs: config.presignSeconds * 1000 }),
  }),
  'Matrix-Publication': String(info.publication),
  'X-Content-Type-Options': 'nosniff',
  ...tagFields(info),
  ...(link !== undefined && { 'Referrer-Policy': 'no-referrer' }),
})

export const infoResponse = async (
  c: MatrixContext,
  gateway: Gateway,
  question: Question,
  link: Presentation['link'],
): Promise<Response> => {
  const info = await gateway.findInfo(question)
  gateway.metrics.resolutions.inc({ outcome: info.kind })
  if (info.kind === 'unpublished') return pendingResponse(c, gateway, info)
  const document = infoDocument(info)
  const shown = { link, needsCredential: false, modeNegotiated: false, origin: c.req.header('origin') }
  const headers = { ...sayCommon(headersOf(info, link, gateway), info, shown), ETag: stateTag(document) }
  return documentResponse(c, headers, document)
}
