/**
 * Delivery paths: the path is identity, so that a cache may key on it. Server, SDK and CLI share this file; it needs nothing.
 *
 *     /i/{product}/{asset}/{v{n}|current}/{rendition}[@{dpr}x].{ext|auto}[/{seo-name}]
 *     /i/{product}/{asset}/{v{n}|current}/x/{operations}[/-/{operations}].{ext|auto}[/{seo-name}]
 *     /i/{product}/{asset}/{v{n}|current}/original
 *     /i/{product}/{asset}/{v{n}|current}/info.json
 *
 * Each has one spelling. Others that mean the same (keys in another order, `jpeg`, `@1x`, leading zeros, defaults that are
 * written out, an encoded `@` or comma) are read too, and who sent them is sent on to the one, so that there is one entry in
 * every cache. The seo name is decoration: it changes neither what is answered nor what it is called, and any is answered.
 */
import { type AdHocProblem, readOperations } from './ad-hoc.ts'
import { EXTENSION, FORMATS, type Format } from './recipe.ts'

/** Pixels of the screen to one of the page. */
export const DPRS = [1.5, 2, 3] as const
export type Dpr = (typeof DPRS)[number]

export interface DeliveryPath {
  readonly product: string
  readonly asset: string
  /** `undefined`: the current one. */
  readonly version: number | undefined
  /**
   * Its name. `original` stands for the bytes as they were received, `info.json` for what is known of them, and `x/` with
   * operations (model/ad-hoc.ts) for what no rendition is named for.
   */
  readonly rendition: string
  readonly format: Format | 'auto'
  /** Of a rendition, where it is not 1. */
  readonly dpr?: Dpr | undefined
  /** What a reader of the URL is told: letters, digits, `.`, `_` and `-`. */
  readonly seoName?: string | undefined
}

/** The path of it, which is the path that was given where that was canonical. */
export interface CanonicalPath {
  readonly path: string
  readonly asked: DeliveryPath
}

/** `undefined` as key: there is no such path at all. */
export interface PathProblem {
  readonly key: string | undefined
  readonly detail: string
}

export const ORIGINAL = 'original'
export const INFO = 'info.json'
const AD_HOC = 'x/'

export const isAdHoc = ({ rendition }: Pick<DeliveryPath, 'rendition'>): boolean => rendition.startsWith(AD_HOC)
export const operationsOf = ({ rendition }: Pick<DeliveryPath, 'rendition'>): string => rendition.slice(AD_HOC.length)
export const adHocName = (operations: string): string => `${AD_HOC}${operations}`

/** What its leaves are called: a variant of a rendition is planned beside it, under the same revision. */
export const leafNameOf = ({ rendition, dpr }: Pick<DeliveryPath, 'rendition' | 'dpr'>): string =>
  dpr === undefined ? rendition : `${rendition}@${dpr}x`

/** Back from what its leaves are called. */
export const readLeafName = (leafName: string): Pick<DeliveryPath, 'rendition' | 'dpr'> => {
  const [rendition = '', ratio] = leafName.split('@')
  const dpr = ratio === undefined ? undefined : DPRS.find(known => `${known}x` === ratio)
  return { rendition, dpr }
}

/** Whether leaves of this name are of no rendition itself, but of what somebody asked for beside it. */
export const isVariant = (leafName: string): boolean => leafName.startsWith(AD_HOC) || leafName.includes('@')

const FORMAT_OF = new Map<string, Format | 'auto'>([
  ['auto', 'auto'],
  ...FORMATS.map(format => [EXTENSION[format], format] as const),
])
const formatOf = (extension: string): Format | 'auto' | undefined =>
  extension === 'jpeg' ? 'jpeg' : FORMAT_OF.get(extension)

const NAME = '[a-z0-9][a-z0-9-]{0,39}'
const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
/** No dot in front: a segment `..` is another path. */
const SEO = '[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}'
const DPR = DPRS.join('|').replace('.', '\\.')
/** Everything that is canonical but for operations. 0.4 us. */
const PLAIN = new RegExp(
  `^/i/(${NAME})/(${UUID})/(?:current|v([1-9]\\d{0,8}))/(?:(original|info\\.json)|(${NAME})(?:@(${DPR})x)?\\.([a-z]{3,4})(?:/(${SEO}))?)$`,
)
const PLACE = new RegExp(`^/i/(${NAME})/(${UUID})/(?:current|v(\\d{1,9}))/(.+)$`)
const LEAF = new RegExp(`^(${NAME})(?:@([^/]*)x)?\\.([a-z]{3,4})(?:/(.*))?$`)
const OPERATIONS = /^x\/((?:[^/]+\/-\/)*[^/]+)\.([a-z]{3,4})(?:\/(.*))?$/
const SEO_NAME = new RegExp(`^${SEO}$`)

const nothing: PathProblem = { key: undefined, detail: 'There is nothing under this path.' }

const isProblem = (value: object): value is PathProblem => 'detail' in value
export const isPathProblem = (read: CanonicalPath | PathProblem): read is PathProblem => isProblem(read)

/** What was sent, its parameters not being part of it. Reveals nothing: it asks nobody. */
export const canonicalDeliveryPath = (path: string): CanonicalPath | PathProblem => {
  const found = PLAIN.exec(path)
  if (found === null) return readLoosely(path)
  const [, product = '', asset = '', version, whole, name, dpr, extension = '', seoName] = found
  const format = whole === undefined ? FORMAT_OF.get(extension) : 'auto'
  // Of other extensions `jpeg` is one that is read; and an original has none.
  if (format === undefined || name === ORIGINAL) return readLoosely(path)
  return {
    path,
    asked: {
      product,
      asset,
      version: version === undefined ? undefined : Number(version),
      rendition: whole ?? name ?? '',
      format,
      dpr: dpr === undefined ? undefined : (Number(dpr) as Dpr),
      seoName,
    },
  }
}

type Leaf = Pick<DeliveryPath, 'rendition' | 'format' | 'dpr' | 'seoName'>

const readLoosely = (sent: string): CanonicalPath | PathProblem => {
  const path = sent.replace(/%40/g, '@').replace(/%2c/gi, ',')
  const [, product = '', asset = '', version, rest = ''] = PLACE.exec(path) ?? []
  if (rest === '' || Number(version) === 0) return nothing
  const leaf = readLeaf(rest)
  if (isProblem(leaf)) return leaf
  const asked = { product, asset, version: version === undefined ? undefined : Number(version), ...leaf }
  return { path: writeDeliveryPath(asked), asked }
}

const readLeaf = (rest: string): Leaf | PathProblem => {
  if (rest === ORIGINAL || rest === INFO) return { rendition: rest, format: 'auto', dpr: undefined, seoName: undefined }
  const [, operations, ...ofAdHoc] = OPERATIONS.exec(rest) ?? []
  if (operations !== undefined) return readAdHoc(operations, ofAdHoc)
  const [, rendition, dpr, extension = '', seoName] = LEAF.exec(rest) ?? []
  const format = formatOf(extension)
  if (rendition === undefined || rendition === ORIGINAL || format === undefined) return nothing
  const ratio = readDpr(dpr)
  if (ratio === undefined) return { key: 'dpr', detail: `Expected one of 1, ${DPRS.join(', ')}.` }
  return wrongSeo(seoName) ?? { rendition, format, dpr: ratio === 1 ? undefined : ratio, seoName }
}

const readAdHoc = (
  operations: string,
  [extension = '', seoName]: readonly (string | undefined)[],
): Leaf | PathProblem => {
  const format = formatOf(extension)
  if (format === undefined) return nothing
  const read: { readonly text: string } | AdHocProblem = readOperations(operations, format)
  if (isProblem(read)) return read
  return wrongSeo(seoName) ?? { rendition: adHocName(read.text), format, dpr: undefined, seoName }
}

const readDpr = (text: string | undefined): Dpr | 1 | undefined => {
  if (text === undefined) return 1
  const ratio = /^\d{1,3}(?:\.\d{1,3})?$/.test(text) ? Number(text) : 0
  return ratio === 1 ? 1 : DPRS.find(known => known === ratio)
}

const wrongSeo = (seoName: string | undefined): PathProblem | undefined =>
  seoName === undefined || SEO_NAME.test(seoName)
    ? undefined
    : { key: 'seo-name', detail: 'Expected up to 100 letters, digits, dots, hyphens and underscores.' }

/** What is asked for, however it is spelled; `undefined`: no path of ours. */
export const readDeliveryPath = (path: string): DeliveryPath | undefined => {
  const read = canonicalDeliveryPath(path)
  return isProblem(read) ? undefined : read.asked
}

/** The one spelling of it: `readDeliveryPath` of this is the same again. */
export const writeDeliveryPath = (it: DeliveryPath): string => {
  const { product, asset, version, rendition, format, seoName } = it
  const place = `/i/${product}/${asset}/${version === undefined ? 'current' : `v${version}`}`
  if (rendition === ORIGINAL || rendition === INFO) return `${place}/${rendition}`
  const extension = format === 'auto' ? 'auto' : EXTENSION[format]
  return `${place}/${leafNameOf(it)}.${extension}${seoName === undefined ? '' : `/${seoName}`}`
}
