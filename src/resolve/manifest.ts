/**
 * The manifest of a product: a line for everything that it can resolve, in the order of asset, rendition and format.
 *
 * Each page is read and decided for itself, and the next one when somebody takes the one before, so a slow reader holds no
 * transaction and no connection. Cost: no snapshot. What changes while it is read is in it as it was when its page was read; the
 * stamps at the beginning and at the end tell whether anything did, and the events between them what.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../lib/clock.ts'
import { inLanes } from '../lib/in-lanes.ts'
import type { Database } from '../manifest/database.ts'
import {
  edgedCollections,
  type ManifestAsset,
  type ManifestLeaf,
  manifestAssets,
  manifestLeaves,
  manifestStamp,
} from '../manifest/product-manifest.ts'
import { writeDeliveryPath } from '../model/delivery-path.ts'
import { digestOf } from '../model/ids.ts'
import type { Principal } from '../model/principal.ts'
import { governing } from '../policy/governing.ts'
import type { Policy } from '../policy/policy.ts'

export interface ManifestDependencies {
  readonly database: Database
  readonly clock: Clock
  readonly policy: Policy
}

export interface ManifestQuestion {
  readonly tenant: string
  readonly product: string
  /** Only assets of this one. */
  readonly collection: string | undefined
  /** Only assets that something has happened to since. */
  readonly updatedAfter: Date | undefined
  readonly address: (() => string | undefined) | undefined
}

export interface ManifestLine {
  readonly asset: string
  readonly version: number
  readonly rendition: string
  readonly revision: number
  readonly format: string
  readonly digest: string
  readonly media_type: string
  readonly width: number
  readonly height: number
  readonly bytes: number
  readonly path: string
}

export interface ManifestTrailer {
  readonly lines: number
  readonly assets: number
  /** SHA-256 over all lines before, each with its end. */
  readonly digest: string
  /** Events that are in it for certain; those up to `until` may be. */
  readonly as_of: number
  readonly until: number
  /** Nothing has changed while it was read. */
  readonly consistent: boolean
}

/** Some 1,500 lines of 300 bytes. */
const ASSETS = 500
const AT_ONCE = 16

/** Who is decided about: the product itself, whoever asks in its name. */
const productItself = ({ tenant, product }: ManifestQuestion): Principal => ({
  tenant,
  kind: 'key',
  id: 'manifest',
  product,
  scopes: ['resolve'],
})

export const lineOf = (product: string, { sha256, mediaType, ...leaf }: ManifestLeaf): ManifestLine => ({
  asset: leaf.asset,
  version: leaf.version,
  rendition: leaf.rendition,
  revision: leaf.revision,
  format: leaf.format,
  digest: digestOf(sha256),
  media_type: mediaType,
  width: leaf.width,
  height: leaf.height,
  bytes: leaf.bytes,
  path: writeDeliveryPath({ ...leaf, product }),
})

/** Those of the items that are allowed, in their order. Engines are asked so many questions at a time. */
const allowed = async <T>(items: readonly T[], may: (item: T) => boolean | Promise<boolean>): Promise<T[]> => {
  const rulings = await inLanes(items, { atOnce: AT_ONCE, work: may })
  return items.filter((_, index) => rulings[index])
}

/** Pages of lines; an empty one is no end. */
export async function* walkManifest(
  { database, clock, policy }: ManifestDependencies,
  question: ManifestQuestion,
): AsyncGenerator<readonly ManifestLine[]> {
  const { tenant, product, collection, updatedAfter, address } = question
  const principal = productItself(question)
  const may = ({ asset, collection: home, edges, mediaType, labels }: ManifestAsset, rendition: string | undefined) => {
    const at = clock.now()
    const edge = governing(edges, at)
    const context = { at, mediaType, labels, address }
    const ruling = policy.decide(
      { principal, action: 'resolve', product, edge, context },
      { tenant, collection: home, asset, rendition },
    )
    return ruling instanceof Promise ? ruling.then(({ effect }) => effect === 'allow') : ruling.effect === 'allow'
  }
  const isAsked = (asset: ManifestAsset): boolean =>
    asset.version !== undefined &&
    (collection === undefined || asset.collection === collection) &&
    (updatedAfter === undefined || asset.updatedAt > updatedAfter)

  const edged = await edgedCollections(database, question)
  const collections = edged.filter(name => collection === undefined || name === collection)
  for (let after: string | undefined; ; ) {
    const page = await manifestAssets(database, question, { collections, after, limit: ASSETS })
    const asked = page.filter(isAsked)
    // What an engine has against one rendition it is asked about each of them, further down.
    const shown = policy.isMatrixAlone ? await allowed(asked, asset => may(asset, undefined)) : asked
    const leaves = await manifestLeaves(database, question, shown)
    const byId = new Map(shown.map(asset => [asset.asset, asset]))
    const resolvable = policy.isMatrixAlone
      ? leaves
      : await allowed(leaves, ({ asset, rendition }) => may(byId.get(asset) as ManifestAsset, rendition))
    yield resolvable.map(leaf => lineOf(product, leaf))
    after = page.at(-1)?.asset
    if (page.length < ASSETS) return
  }
}

/** The same as text, with the trailer as the last line. */
export async function* manifestText(
  dependencies: ManifestDependencies,
  question: ManifestQuestion,
): AsyncGenerator<string> {
  const from = await manifestStamp(dependencies.database, question)
  const digest = createHash('sha256')
  let lines = 0
  let assets = 0
  let last: string | undefined
  for await (const page of walkManifest(dependencies, question)) {
    if (page.length === 0) continue
    for (const { asset } of page) {
      if (asset !== last) assets++
      last = asset
    }
    lines += page.length
    const text = page.map(line => `${JSON.stringify(line)}\n`).join('')
    digest.update(text)
    yield text
  }
  const until = await manifestStamp(dependencies.database, question)
  const trailer: ManifestTrailer = {
    lines,
    assets,
    digest: digestOf(digest.digest('hex')),
    as_of: from.seq,
    until: until.seq,
    consistent: from.seq === until.seq && from.state === until.state,
  }
  yield `${JSON.stringify({ trailer })}\n`
}
