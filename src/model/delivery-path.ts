/**
 * Delivery paths: the path is identity, so that a cache may key on it. Server, SDK and CLI share this file; it needs nothing.
 *
 *     /i/{product}/{asset}/{v{n}|current}/{rendition}.{ext|auto}
 *     /i/{product}/{asset}/{v{n}|current}/original
 */
import { EXTENSION, FORMATS, type Format } from './recipe.ts'

export interface DeliveryPath {
  readonly product: string
  readonly asset: string
  /** `undefined`: the current one. */
  readonly version: number | undefined
  /** Its name; `original` stands for the bytes as they were received. */
  readonly rendition: string
  readonly format: Format | 'auto'
}

const FORMAT_OF = new Map<string, Format | 'auto'>([
  ['auto', 'auto'],
  ['jpeg', 'jpeg'],
  ...FORMATS.map(format => [EXTENSION[format], format] as const),
])

const NAME = '[a-z0-9][a-z0-9-]{0,39}'
const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
const PATH = new RegExp(`^/i/(${NAME})/(${UUID})/(?:current|v([1-9]\\d{0,8}))/(?:(original)|(${NAME})\\.([a-z]{3,4}))$`)

/** `undefined`: no path of ours. Parameters are not part of it. */
export const readDeliveryPath = (path: string): DeliveryPath | undefined => {
  const [, product, asset, version, original, name, extension] = PATH.exec(path) ?? []
  if (product === undefined || asset === undefined) return undefined
  const common = { product, asset, version: version === undefined ? undefined : Number(version) }
  if (original !== undefined) return { ...common, rendition: original, format: 'auto' }
  const format = FORMAT_OF.get(extension ?? '')
  if (format === undefined || name === undefined || name === 'original') return undefined
  return { ...common, rendition: name, format }
}

/** The one spelling of it: `readDeliveryPath` of this is the path again. */
export const writeDeliveryPath = ({ product, asset, version, rendition, format }: DeliveryPath): string => {
  const place = `/i/${product}/${asset}/${version === undefined ? 'current' : `v${version}`}`
  if (rendition === 'original') return `${place}/original`
  return `${place}/${rendition}.${format === 'auto' ? 'auto' : EXTENSION[format]}`
}
