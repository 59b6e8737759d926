/**
 * The cold path: somebody wants now what nobody has made. Plans the rendition for the version, makes its nodes runnable at
 * interactive priority and offers one hint, unless a worker in this process, told beforehand, has claimed them by then. Any number of callers cause one node: those of this gateway share a flight, those
 * of others meet in the primary key.
 */
import { acceptableFormats } from '../deliver/negotiate.ts'
import { adHocRendition } from '../graph/ad-hoc.ts'
import { isAimed, wishesFor } from '../graph/wishes.ts'
import { singleFlight } from '../lib/single-flight.ts'
import { type Database, sqlState } from '../manifest/database.ts'
import { requireSameFocal } from '../manifest/leaf-moves.ts'
import { insertLeaves, nodeStates, upsertNodes } from '../manifest/leaves.ts'
import { findOriginalOf } from '../manifest/original-of.ts'
import { findRendition } from '../manifest/renditions.ts'
import { announceReused } from '../manifest/reused.ts'
import { waitingUrgently } from '../manifest/runnable.ts'
import { countVariants } from '../manifest/usage.ts'
import { type Dpr, isAdHoc, leafNameOf } from '../model/delivery-path.ts'
import { type MatrixError, refuse } from '../model/errors.ts'
import type { Cause } from '../model/event.ts'
import type { Hex } from '../model/ids.ts'
import type { Format, Output } from '../model/recipe.ts'
import { type Budget, refusesCpu } from '../policy/budget.ts'
import type { Nearby } from '../queue/nearby.ts'
import { LANES, type Lane } from '../queue/queue.ts'
import type { Account } from '../rates/rates.ts'
import { nothingHere } from './permit.ts'

export interface Wish {
  readonly tenant: string
  readonly collection: string
  readonly product: string
  readonly asset: string
  readonly version: number
  readonly rendition: string
  readonly dpr?: Dpr | undefined
  readonly format: Format | 'auto'
  readonly accept: string | undefined
  readonly account: Pick<Account, 'take'> | undefined
  /** Of the request, which is the first of those that ask together. */
  readonly traceparent: string | undefined
  /** What was found in the way: formats and where their nodes stood. */
  readonly blocking: readonly { readonly state: string }[]
}

/** Resolves with the nodes worth waiting for. Throws `unsupported-transform` where renditions do not apply. */
export type Demand = (wish: Wish) => Promise<readonly Hex[]>

export interface DemandDependencies {
  readonly database: Database
  /** Never rejects: a hint that is lost costs time only. */
  readonly hint: (tenant: string, original: Hex, lane: Lane) => Promise<void>
  readonly nearby: Pick<Nearby, 'offer'>
  /** Derivatives that may be waited for at once, on all gateways together. */
  readonly waitQueue: number
  readonly maxCpuMs: number
  readonly budget: Pick<Budget, 'of'>
  /** Derivatives of one version that a product may have. */
  readonly maxVariants: number
}

/** What one product may take of the queue, so that the others find room in it. */
const MOST_OF_ONE = 0.75
/** Until a place is free, roughly: two cores make twenty a second. */
const SECONDS_EACH = 0.05

/** Room comes when a version or a rendition goes, which is nobody's hurry. */
const VARIANTS_AGAIN_SECONDS = 3_600

const tooManyVariants = (most: number): MatrixError =>
  refuse('rate-limited', `The product has ${most} derivatives of this version, which is as many as it may.`, {
    retryAfterSeconds: VARIANTS_AGAIN_SECONDS,
    details: { limit: { name: 'variants', most } },
  })

/** `undefined`: there is room for another one that this product waits for. */
export const openCrowd =
  ({ database, waitQueue }: Pick<DemandDependencies, 'database' | 'waitQueue'>) =>
  async (tenant: string, product: string): Promise<MatrixError | undefined> => {
    const priority = LANES.interactive
    const { all, own } = await waitingUrgently(database, { tenant, product, priority, most: waitQueue })
    const options = { retryAfterSeconds: Math.ceil(all * SECONDS_EACH) }
    if (own >= Math.ceil(waitQueue * MOST_OF_ONE))
      return refuse('rate-limited', 'Too many derivatives of this product are being waited for.', options)
    return all >= waitQueue ? refuse('overloaded', 'Too many derivatives are being waited for.', options) : undefined
  }

/** Nobody waits for any of it. */
export const isUnasked = ({ blocking }: Pick<Wish, 'blocking'>): boolean =>
  blocking.every(({ state }) => state === 'PLANNED' || state === 'EVICTED')

export const refuseNoImage = ({ mediaType }: { readonly mediaType: string }): MatrixError =>
  refuse('unsupported-transform', `Renditions do not apply to ${mediaType}.`)

/** Of what turns out to be there already: nobody in particular, for the first of many may have asked. */
const CAUSE: Cause = { actor: 'resolve', correlationId: 'resolve' }

/** SQLSTATE: what a row refers to is not there. */
const FOREIGN_KEY = '23503'

export const openDemand = ({
  database,
  hint,
  nearby,
  waitQueue,
  maxCpuMs,
  budget,
  maxVariants,
}: DemandDependencies): Demand => {
  const flights = singleFlight<readonly Hex[]>()

  const crowded = openCrowd({ database, waitQueue })

  /** Throws where it may not be made: too many for the asset, too many at once, or too much for the day. */
  const requireRoom = async (
    { account, ...wish }: Pick<Wish, 'tenant' | 'asset' | 'version' | 'product' | 'account'>,
    keys: readonly Hex[],
    wanted: readonly Hex[],
  ): Promise<void> => {
    const [variants, budgetNow, states] = await Promise.all([
      countVariants(database, wish, keys),
      budget.of(database, wish.tenant, wish.product),
      nodeStates(
        database,
        wanted.map(key => ({ tenant: wish.tenant, key })),
      ),
    ])
    if (variants + new Set(keys).size > maxVariants) throw tooManyVariants(maxVariants)
    // Made for somebody else: costs nothing more.
    if (wanted.every(key => states.some(({ id, state }) => id === key && state === 'DONE'))) return
    const refusal = refusesCpu(budgetNow)
    if (refusal) throw refusal
    account?.take('cold')
  }

  const plan = async ({
    tenant,
    collection,
    product,
    asset,
    version,
    rendition: name,
    dpr,
    format,
    accept,
    blocking,
    account,
    traceparent,
  }: Wish): Promise<readonly Hex[]> => {
    const find = async () => {
      if (!isAdHoc({ rendition: name }))
        return findRendition(database, { tenantId: tenant, collectionId: collection, productId: product, name })
      return format === 'auto' ? undefined : adHocRendition({ collection, product, name, format })
    }
    const [rendition, original, refusal] = await Promise.all([
      find(),
      findOriginalOf(database, { tenantId: tenant, assetId: asset, version }),
      crowded(tenant, product),
    ])
    if (!rendition || !original) throw nothingHere()
    if (!original.image) throw refuseNoImage(original)
    const urgent = urgentFormat(rendition.recipe.outputs, format, accept)
    const source = { sha256: original.sha256, image: original.image, focal: original.focal }
    const { nodes, leaves } = wishesFor([{ ...rendition, dpr }], source, {
      lane: 'eager',
      maxCpuMs,
      ...(urgent && { urgent }),
    })
    const keys = nodes.map(({ node }) => node.key)
    const wanted = nodes.filter(({ node }) => node.format === urgent).map(({ node }) => node.key)
    // Whoever asks again for what is queued, running or to be retried must not cause another download.
    const isNew = isUnasked({ blocking })
    if (refusal && isNew) throw refusal
    if (refusal) return wanted // keeps the place that it has
    if (isNew) await requireRoom({ tenant, asset, version, product, account }, keys, wanted)
    const planning = database.transaction(async tx => {
      const states = await upsertNodes(tx, { tenant, original: original.sha256, nodes, traceparent })
      const bound = await insertLeaves(tx, { tenant, asset, version, leaves })
      if (isAimed(rendition)) await requireSameFocal(tx, tenant, [{ asset, focal: original.focal }])
      await announceReused(tx, { tenant, cause: { ...CAUSE, traceparent }, leaves: bound })
      // Not only when this call made it runnable: one that waits behind a backlog overtakes it through a fresh hint.
      return states.some(({ state }) => state === 'QUEUED' || state === 'RETRY')
    })
    const planned = planning.catch(error => {
      // Its original was erased in this moment.
      throw sqlState(error) === FOREIGN_KEY ? nothingHere() : error
    })
    const claimed = isNew && nearby.offer({ tenant, original, planned: planned.catch(() => false) })
    if ((await planned) && !(await claimed)) await hint(tenant, original.sha256, 'interactive')
    return wanted
  }

  return wish => {
    const { tenant, product, asset, version, format, accept = '' } = wish
    return flights([tenant, product, asset, version, leafNameOf(wish), format, accept].join('\n'), () => plan(wish))
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
