/** A picture as a document: URLs, what a page writes of them, and how long both are good. */
import { resolutionCacheControl } from '../deliver/answer.ts'
import { deprecationFields, firstDeprecation, presentDeprecation } from '../deliver/deprecation.ts'
import { cacheTags } from '../deliver/headers.ts'
import { pictureOf } from '../deliver/picture.ts'
import { sha256Hex } from '../lib/canonical.ts'
import { leafNameOf } from '../model/delivery-path.ts'
import { digestOf } from '../model/ids.ts'
import type { Pictured } from '../resolve/picture.ts'
import type { LocateInPage, PictureUrl } from '../resolve/picture-urls.ts'
import type { Ready } from '../resolve/resolve.ts'

/** As wide as the page while that is narrower than the widest, which it never grows beyond. */
const usualSizes = (width: number): string => `(max-width: ${width}px) 100vw, ${width}px`

const candidateOf = ({ rendition, dpr, revision, format, derivative }: Ready, { url }: PictureUrl) => ({
  rendition,
  dpr,
  revision,
  format,
  url,
  width: derivative.width,
  height: derivative.height,
  bytes: derivative.bytes,
  digest: digestOf(derivative.sha256),
})

const nameOf = (ready: Ready): string => `${leafNameOf(ready)}.${ready.format}`

/**
 * One URL needs no width: it is taken as it is. For screens it is said how many pixels there are to one of the page, which may be
 * fewer than were asked for: nothing is made larger than its original.
 */
const srcsetOf = (
  candidates: readonly { url: string; width: number }[],
  { isOfScreens, image }: Pick<Pictured, 'isOfScreens' | 'image'>,
): string =>
  candidates.length === 1
    ? (candidates[0]?.url ?? '')
    : candidates
        .map(({ url, width }) =>
          isOfScreens ? `${url} ${Number((width / image.derivative.width).toFixed(2))}x` : `${url} ${width}w`,
        )
        .join(', ')

const delivered = (located: readonly PictureUrl[], { pending }: Pictured) => {
  const ends = located.flatMap(({ expiresAt }) => expiresAt ?? [])
  const expiresAt = ends.length === 0 ? undefined : Math.min(...ends)
  return {
    via: located[0]?.via,
    ...(expiresAt !== undefined && { expires_at: new Date(expiresAt).toISOString() }),
    cacheable: pending.length === 0,
  }
}

/** Those that are to go, by name. */
const endsOf = ({ sources }: Pictured) =>
  new Map(
    sources.flatMap(({ candidates }) =>
      candidates.flatMap(({ rendition, deprecation }) => (deprecation ? [[rendition, deprecation] as const] : [])),
    ),
  )

export const pictureDocument = async (picture: Pictured, wished: string | undefined, locate: LocateInPage) => {
  const { image, alt, pending, leftOut } = picture
  const urls = new Map<string, PictureUrl>()
  const candidates = await Promise.all(
    picture.sources.map(async ({ type, candidates: chosen }) => ({
      type,
      candidates: await Promise.all(
        chosen.map(async ready => {
          const located = await locate(ready)
          urls.set(nameOf(ready), located)
          return candidateOf(ready, located)
        }),
      ),
    })),
  )
  const { width, height } = image.derivative
  const ends = [...endsOf(picture)]
  const hasWidths = !picture.isOfScreens && candidates.some(source => source.candidates.length > 1)
  const sizes = hasWidths ? (wished ?? usualSizes(width)) : undefined
  const document = {
    state: 'ready' as const,
    asset: image.asset,
    version: image.version,
    publication: image.publication,
    product: image.product,
    sources: candidates.map(({ type, candidates: of }) => ({
      type,
      srcset: srcsetOf(of, picture),
      sizes: of.length > 1 ? sizes : undefined,
      candidates: of,
    })),
    sizes,
    img: { src: urls.get(nameOf(image))?.url ?? '', width, height, alt },
    placeholder: image.placeholder,
    pending,
    left_out: leftOut,
    ...(ends.length > 0 && {
      deprecated: ends.map(([rendition, end]) => ({ rendition, ...presentDeprecation(end) })),
    }),
    delivery: delivered([...urls.values()], picture),
  }
  return { ...document, html: pictureOf(document) }
}

/**
 * A copy is fresh for no longer than what it names, and asked about each time while something is still being made. The ETag is of
 * the text: alternative text, placeholder and URLs are all part of it.
 */
export const pictureHeaders = (body: string, picture: Pictured, expiresInMs: number) => {
  const { image, pending } = picture
  const { asset, version, product, publication } = image
  const end = firstDeprecation([...endsOf(picture).values()])
  return {
    ETag: `"${sha256Hex(body).slice(0, 32)}"`,
    'Cache-Control': pending.length > 0 ? 'private, no-cache' : resolutionCacheControl(expiresInMs),
    Vary: 'Authorization',
    'Matrix-Publication': String(publication),
    'Cache-Tag': cacheTags({ asset, version, product }),
    ...(end && deprecationFields(end)),
  }
}
