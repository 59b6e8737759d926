/**
 * `<picture>` as text, from the data that the gateway gives (`GET …/picture`). Gateway, SDK and command line share this file; it
 * needs nothing, not even node. Whatever is put in comes out as the value of an attribute and never as markup.
 */

export interface PictureSource {
  /** Media type; a browser takes the first source whose type it knows. Absent where the source has several. */
  readonly type?: string | undefined
  readonly srcset: string
  readonly sizes?: string | undefined
}

export interface PictureImage {
  readonly src: string
  readonly width: number
  readonly height: number
  readonly alt?: string | undefined
}

export interface PictureOptions {
  /** In place of the document's. */
  readonly alt?: string
  /** In place of the document's, of every source that has widths to choose from. */
  readonly sizes?: string
  readonly class?: string
  readonly id?: string
  /** Default `lazy`; `eager` for what is seen first. */
  readonly loading?: 'lazy' | 'eager'
  /** Default `async`. */
  readonly decoding?: 'async' | 'sync' | 'auto'
  readonly fetchpriority?: 'high' | 'low' | 'auto'
  /** Whether the colour of the picture fills its place until it is there, as an inline style. Default `true`. */
  readonly placeholder?: boolean
}

export interface PictureParts extends PictureOptions {
  readonly sources: readonly PictureSource[]
  readonly img: PictureImage
  readonly colour?: string | undefined
}

/** What of the gateway's document makes the picture; it has more. */
export interface PictureDocument {
  readonly sources: readonly PictureSource[]
  readonly img?: PictureImage | undefined
  readonly placeholder?: { readonly colour: string } | undefined
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escaped = (text: string): string => text.replace(/[&<>"']/g, character => ESCAPES[character] ?? '')

type Values = Readonly<Record<string, string | number | undefined>>

const element = (name: string, values: Values): string => {
  const attributes = Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [` ${key}="${escaped(String(value))}"`],
  )
  return `<${name}${attributes.join('')}>`
}

const COLOUR = /^#[0-9a-f]{6}$/i
/** Widths, and not one URL or densities: only these are chosen by `sizes`. */
const hasWidths = (srcset: string): boolean => /\s\d+w(?:,|$)/.test(srcset)

/**
 * The element, on one line. `width` and `height` are always there, so that a page does not move when the picture comes: let its
 * style sheet say `img { max-width: 100%; height: auto }`.
 *
 * @example
 * pictureHtml({ sources: [{ type: 'image/avif', srcset: 'a.avif 400w, b.avif 800w', sizes: '50vw' }], img: { src: 'b.jpg', width: 800, height: 600 } })
 */
export const pictureHtml = ({
  sources,
  img: { src, width, height, alt: documentAlt },
  colour,
  alt = documentAlt ?? '',
  sizes: ownSizes,
  class: className,
  id,
  loading = 'lazy',
  decoding = 'async',
  fetchpriority,
  placeholder = true,
}: PictureParts): string => {
  const filled = placeholder && colour !== undefined && COLOUR.test(colour)
  const rows = sources.map(({ type, srcset, sizes }) =>
    element('source', { type, srcset, sizes: hasWidths(srcset) ? (ownSizes ?? sizes) : undefined }),
  )
  const image = element('img', {
    id,
    class: className,
    src,
    width,
    height,
    alt,
    loading,
    decoding,
    fetchpriority,
    style: filled ? `background-color:${colour}` : undefined,
  })
  return `<picture>${rows.join('')}${image}</picture>`
}

/**
 * The same of a document as the gateway gives it. Throws `TypeError` for one that has no picture yet: of it everything is
 * still being made.
 *
 * @example
 * pictureOf(await (await fetch(`${gateway}/v1/products/shop-web/assets/${id}/picture?renditions=card,hero`, { headers })).json())
 */
export const pictureOf = (document: PictureDocument, options: PictureOptions = {}): string => {
  const { sources, img, placeholder } = document
  if (img === undefined) throw new TypeError('Expected a document with an img; this one is pending.')
  return pictureHtml({ ...options, sources, img, colour: placeholder?.colour })
}
