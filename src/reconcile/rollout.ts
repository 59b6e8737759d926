/**
 * From one engine to the next, a share at a time. Code with a raised epoch leaves what has been made where it is; a rollout
 * plans it anew, has both compared, and moves the pointers of the leaves when somebody says so, and back again.
 *
 * Each step is one transaction that holds the rollout's row and keeps its place there: any number of processes may carry one
 * rollout on, and a crash has either done the step or not begun it. Whoever finds the row locked leaves it to the other.
 */
import { adHocRendition } from '../graph/ad-hoc.ts'
import { type Aimed, type Wishes, wishesFor } from '../graph/wishes.ts'
import { groupBy } from '../lib/group-by.ts'
import type { Database, Sql } from '../manifest/database.ts'
import { appendFacts } from '../manifest/events.ts'
import { upsertNodes } from '../manifest/leaves.ts'
import { readyFact } from '../manifest/moved-leaves.ts'
import { moveLeaves } from '../manifest/rollout-moves.ts'
import {
  backlogOf,
  busyRollouts,
  hasUncompared,
  lockRollout,
  type MadeLeaf,
  madeLeaves,
  recordRolloutBatch,
  rolloutAssets,
  setRolloutState,
  tryLockRollout,
} from '../manifest/rollouts.ts'
import { readLeafName } from '../model/delivery-path.ts'
import type { ChangedLeaf, Rollout, RolloutState } from '../model/engine.ts'
import { refuse } from '../model/errors.ts'
import type { Rendition } from '../model/product.ts'
import type { Format, Recipe } from '../model/recipe.ts'

/** What one transaction takes on. */
export interface BatchSizes {
  /** 25 with ten leaves each took 0.6 s on two cores with a load of 7. */
  readonly assets: number
  /** Pointers, each with its event: 200 took 60 to 90 ms there. */
  readonly moves: number
}
const BATCH: BatchSizes = { assets: 25, moves: 200 }
/** Beyond it nothing more is planned for now: enough for many workers until the next look. */
const MOST_OPEN_NODES = 1_000

/** What the running code wants of one rendition and original. */
export type Planner = (rendition: Rendition, source: Aimed) => Wishes

const planNow: Planner = (rendition, source) => wishesFor([rendition], source, { lane: 'backfill' })

/** A leaf's rendition as it was planned, or the operations that a path spells. */
export const renditionOfLeaf = ({
  collection,
  product,
  rendition: name,
  revision,
  format,
  ...made
}: MadeLeaf): Rendition => {
  const { recipe, recipeHash, lane, privateMetadata } = made
  if (recipe === null || recipeHash === null || lane === null)
    return adHocRendition({ collection, product, name, format: format as Format })
  const { rendition, dpr } = readLeafName(name)
  return {
    collection,
    product,
    name: rendition,
    dpr,
    revision,
    recipe: JSON.parse(recipe) as Recipe,
    recipeHash,
    lane,
    privateMetadata,
  }
}

/** Leaves of one rendition of one version, as they are and as they would be. */
const changesOf = (made: readonly [MadeLeaf, ...MadeLeaf[]], plan: Planner) => {
  const [{ sha256, image, focal }] = made
  const { nodes, leaves } = plan(renditionOfLeaf(made[0]), { sha256, image, focal: focal ?? undefined })
  const changed = made.flatMap<ChangedLeaf>(leaf => {
    const now = leaves.find(({ format }) => format === leaf.format)
    if (!now || now.node === leaf.oldNode) return []
    const { asset, version, product, rendition, revision, format, oldNode } = leaf
    const name = { asset, version, product, rendition, revision, format }
    return [{ ...name, oldNode, newNode: now.node, refusal: now.refusal?.code }]
  })
  const wanted = nodes
    .filter(({ node }) => changed.some(({ newNode }) => newNode === node.key))
    .map(wish => ({ ...wish, wanted: true }))
  return { sha256, changed, wanted }
}

const planBatch = async (tx: Sql, rollout: Rollout, plan: Planner, size: number): Promise<boolean> => {
  const { tenant } = rollout
  if ((await backlogOf(tx, tenant, MOST_OPEN_NODES)) >= MOST_OPEN_NODES) return false
  const assets = await rolloutAssets(tx, rollout, size)
  const made = groupBy(await madeLeaves(tx, tenant, assets), leaf =>
    // Of operations each format is a wish of its own.
    [leaf.asset, leaf.version, leaf.product, leaf.rendition, leaf.revision, leaf.recipe === null && leaf.format].join(
      '/',
    ),
  )
  const plans = [...made.values()].map(leaves => changesOf(leaves as [MadeLeaf, ...MadeLeaf[]], plan))
  // In the order in which every planner takes nodes: of originals, and within one of keys.
  const byOriginal = [...groupBy(plans, ({ sha256 }) => sha256)].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [original, group] of byOriginal) {
    await upsertNodes(tx, { tenant, original, nodes: group.flatMap(({ wanted }) => wanted), traceparent: undefined })
  }
  if (assets.length > 0)
    await recordRolloutBatch(tx, rollout, { assets, leaves: plans.flatMap(({ changed }) => changed) })
  if (assets.length < size) await setRolloutState(tx, rollout, 'COMPARING')
  return true
}

const awaitComparisons = async (tx: Sql, rollout: Rollout): Promise<boolean> => {
  if (await hasUncompared(tx, rollout)) return false
  await setRolloutState(tx, rollout, 'READY')
  return true
}

const moveBatch = async (tx: Sql, rollout: Rollout, size: number): Promise<boolean> => {
  const { tenant, id, afterLeaf, leaves, state, movedBy, createdBy } = rollout
  const moved = await moveLeaves(tx, rollout, size)
  const cause = { actor: movedBy ?? createdBy, correlationId: `rollout:${id}` }
  const byAsset = [...groupBy(moved, ({ asset }) => asset)].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [asset, group] of byAsset) await appendFacts(tx, { tenant, asset, cause, facts: group.map(readyFact) })
  if (afterLeaf + size >= leaves) {
    await setRolloutState(tx, rollout, state === 'PROMOTING' ? 'PROMOTED' : 'ROLLED_BACK')
  }
  return true
}

/** One transaction. False when there is nothing to do before something else has happened. */
const advance = (database: Database, rollout: Rollout, plan: Planner, batch: BatchSizes): Promise<boolean> =>
  database.transaction(async tx => {
    const now = await tryLockRollout(tx, rollout)
    if (now?.state === 'PLANNING') return planBatch(tx, now, plan, batch.assets)
    if (now?.state === 'COMPARING') return awaitComparisons(tx, now)
    if (now?.state === 'PROMOTING' || now?.state === 'ROLLING_BACK') return moveBatch(tx, now, batch.moves)
    return false
  })

export interface AdvanceOptions {
  /** Of each rollout, before the others have their turn. */
  readonly steps?: number
  readonly plan?: Planner
  readonly batch?: BatchSizes
}

/** Carries every rollout on. Rejects with the first failure, after the others had their turn; the next call tries again. */
export const advanceRollouts = async (
  database: Database,
  { steps = 50, plan = planNow, batch = BATCH }: AdvanceOptions = {},
): Promise<void> => {
  const failures: unknown[] = []
  for (const rollout of await busyRollouts(database)) {
    try {
      for (let n = 0; n < steps && (await advance(database, rollout, plan, batch)); n++);
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw failures[0]
}

/** What a word from outside makes of a rollout: from each state to which. The same state: it is so already. */
const WORDS = {
  promote: { READY: 'PROMOTING', PROMOTING: 'PROMOTING', PROMOTED: 'PROMOTED' },
  /** Before any of it is shown. */
  giveUp: { PLANNING: 'ROLLED_BACK', COMPARING: 'ROLLED_BACK', READY: 'ROLLED_BACK', ROLLED_BACK: 'ROLLED_BACK' },
  rollback: {
    PLANNING: 'ROLLED_BACK',
    COMPARING: 'ROLLED_BACK',
    READY: 'ROLLED_BACK',
    PROMOTING: 'ROLLING_BACK',
    PROMOTED: 'ROLLING_BACK',
    ROLLING_BACK: 'ROLLING_BACK',
    ROLLED_BACK: 'ROLLED_BACK',
  },
} as const satisfies Record<string, Partial<Record<RolloutState, RolloutState>>>

export type RolloutWord = keyof typeof WORDS

/** Throws `not-found`; `conflict` where the state does not allow it, or while another rollout is busy. */
export const tellRollout = (
  database: Database,
  { tenant, id }: Pick<Rollout, 'tenant' | 'id'>,
  word: RolloutWord,
  by: string,
  record: (tx: Sql, change: { from: RolloutState; to: RolloutState }) => Promise<void>,
): Promise<void> =>
  database.transaction(async tx => {
    const rollout = await lockRollout(tx, { tenant, id })
    if (!rollout) throw refuse('not-found', 'There is no such rollout.')
    const { state } = rollout
    const next = (WORDS[word] as Partial<Record<RolloutState, RolloutState>>)[state]
    if (next === undefined) throw refuse('conflict', `The rollout is ${state}.`, { details: { state } })
    await record(tx, { from: state, to: next })
    if (next === state) return
    const other = (await busyRollouts(tx)).find(busy => busy.tenant === tenant && busy.id !== id)
    if (other && next !== 'ROLLED_BACK') {
      throw refuse('conflict', 'Another rollout is under way.', { details: { rollout: other.id, state: other.state } })
    }
    await setRolloutState(tx, rollout, next, by)
  })
