/**
 * Answers without their bytes, for a front that has them or fetches them once: nginx is told by `X-Accel-Redirect` under which
 * internal location they are, and keeps them by their content, so that equal bytes are one cached object whoever they are for,
 * while each request is decided here. What the answer says of the bytes is what a stream would say.
 *
 * Who is no front would get an empty 200, and a cache between would keep it: so the front proves itself with a secret in each
 * request, and everybody else is streamed to. Fronts fetch with a key of this gateway's tenant: others' bytes are streamed, too.
 */
import { timingSafeEqual } from 'node:crypto'
import { notModified, weigh } from '../deliver/conditions.ts'
import type { Gateway } from '../gateway.ts'
import { writeOriginPath } from '../model/origin-path.ts'
import type { Delivery } from '../model/product.ts'
import type { OriginalAnswer, Ready } from '../resolve/resolve.ts'
import { conditionsOf, stateMissed } from './conditional.ts'
import { contentFor } from './content.ts'
import type { MatrixContext } from './context.ts'
import type { Presentation } from './presentation.ts'

/** As node spells it. */
export const FRONT_HEADER = 'matrix-front'

/**
 * For how long the bytes may be kept, for the front to say of them. Not as `Cache-Control`: nginx carries that over to whatever
 * comes of the internal location, and bytes that cannot be had just now would be missing for a year.
 */
const OF_BYTES = 'Matrix-Cache-Control'

export const accelHeaders = (
  answer: Ready | OriginalAnswer,
  presentation: Presentation,
  gateway: Pick<Gateway, 'config' | 'clock' | 'purgeTargets'>,
): Record<string, string> => {
  const { sha256, headers } = contentFor(answer, presentation, gateway)
  // Ranges are the front's to offer.
  const { 'Cache-Control': cacheControl = '', 'Accept-Ranges': _ranges, ...rest } = headers
  const path = writeOriginPath({ sha256, format: answer.kind === 'ready' ? answer.format : 'original' })
  return { ...rest, [OF_BYTES]: cacheControl, 'X-Accel-Redirect': `${gateway.config.accelPrefix}${path}` }
}

/** How answers leave to whom. */
export const openFront = ({ config }: Pick<Gateway, 'config'>) => {
  const secret = config.accelSecret === undefined ? undefined : Buffer.from(config.accelSecret)

  const isFront = (said: string | readonly string[] | undefined): boolean => {
    if (typeof said !== 'string' || secret === undefined) return false
    const given = Buffer.from(said)
    return given.length === secret.length && timingSafeEqual(given, secret)
  }

  /** What the edge says, where it can be done for this caller. */
  const modeOf = (
    { delivery, tenant }: Pick<Ready | OriginalAnswer, 'delivery' | 'tenant'>,
    said: string | readonly string[] | undefined,
  ): Delivery => {
    if (delivery !== 'accel') return delivery
    return isFront(said) && tenant === config.tenant ? 'accel' : 'stream'
  }

  return { modeOf }
}

/** Ranges are the front's: it has the whole, or fetches what it needs. */
export const accelResponse = (
  c: MatrixContext,
  gateway: Pick<Gateway, 'config' | 'clock' | 'purgeTargets'>,
  answer: Ready | OriginalAnswer,
  presentation: Presentation,
): Response => {
  const { headers } = contentFor(answer, presentation, gateway)
  const verdict = weigh({ ...conditionsOf(c), range: undefined }, { etag: headers.ETag, bytes: 0 })
  if (verdict === 'failed') throw stateMissed()
  if (verdict === 'unchanged') return new Response(null, { status: 304, headers: notModified(headers) })
  return new Response(null, { status: 200, headers: accelHeaders(answer, presentation, gateway) })
}
