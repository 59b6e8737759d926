/**
 * The cold path: somebody wants now what nobody has made. Plans the rendition for the version, makes its nodes runnable at
 * interactive priority and offers one hint. Any number of callers cause one node: those of this gateway share a flight, those
 * of others meet in the primary key.
 */
import { acceptableFormats } from '../deliver/negotiate.ts'
import { wishesFor } from '../graph/wishes.ts'
import { singleFlight } from '../lib/single-flight.ts'
import { findOriginal, findVersion } from '../manifest/assets.ts'
import type { Database } from '../manifest/database.ts'
import { insertLeaves, upsertNodes } from '../manifest/leaves.ts'
import { findRendition } from '../manifest/renditions.ts'
import { refuse } from '../model/errors.ts'
import type { Hex } from '../model/ids.ts'
import type { Format, Output } from '../model/recipe.ts'
import type { Lane } from '../queue/queue.ts'

export interface Wish {
  readonly tenant: string
  readonly collection: string
  readonly product: string
  readonly asset: string
  readonly version: number
  readonly rendition: string
  readonly format: Format | 'auto'
  readonly accept: string | undefined
}

/** Resolves with the nodes worth waiting for. Throws `unsupported-transform` where renditions do not apply. */
export type Demand = (wish: Wish) => Promise<readonly Hex[]>

export interface DemandDependencies {
  readonly database: Database
  /** Never rejects: a hint that is lost costs time only. */
  readonly hint: (tenant: string, original: Hex, lane: Lane) => Promise<void>
}

export const openDemand = ({ database, hint }: DemandDependencies): Demand => {
  const flights = singleFlight<readonly Hex[]>()

  const plan = async ({
    tenant,
    collection,
    product,
    asset,
    version,
    rendition: name,
    format,
    accept,
  }: Wish): Promise<readonly Hex[]> => {
    const [rendition, found] = await Promise.all([
      findRendition(database, { tenantId: tenant, collectionId: collection, productId: product, name }),
      findVersion(database, { tenantId: tenant, assetId: asset, version }),
    ])
    const original = found?.sha256 && (await findOriginal(database, tenant, found.sha256))
    if (!rendition || !original) throw refuse('not-found', 'There is no such asset or rendition for this product.')
    if (!original.image) {
      throw refuse('unsupported-transform', `Renditions do not apply to ${original.mediaType}.`)
    }
    const urgent = urgentFormat(rendition.recipe.outputs, format, accept)
    const source = { sha256: original.sha256, image: original.image }
    const { nodes, leaves } = wishesFor([rendition], source, { lane: 'eager', ...(urgent && { urgent }) })
    const states = await database.transaction(async tx => {
      const upserted = await upsertNodes(tx, { tenant, original: original.sha256, nodes })
      await insertLeaves(tx, { tenant, asset, version, leaves })
      return upserted
    })
    // Not only when this call made it runnable: one that waits behind a backlog overtakes it through a fresh hint.
    if (states.some(({ state }) => state === 'QUEUED' || state === 'RETRY'))
      await hint(tenant, original.sha256, 'interactive')
    return nodes.filter(({ node }) => node.format === urgent).map(({ node }) => node.key)
  }

  return wish => {
    const { tenant, product, asset, version, rendition, format, accept = '' } = wish
    return flights([tenant, product, asset, version, rendition, format, accept].join('\n'), () => plan(wish))
  }
}

/** The best format that this client takes among those that are made soon; AVIF is worth waiting for only when asked for by name. */
const urgentFormat = (
  outputs: readonly Output[],
  format: Format | 'auto',
  accept: string | undefined,
): Format | undefined => {
  if (format !== 'auto') return format
  const accepted = acceptableFormats(
    outputs.map(output => output.format),
    accept,
  )
  return accepted.find(name => outputs.some(output => output.format === name && output.required)) ?? accepted[0]
}
