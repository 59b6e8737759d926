/**
 * A focal point has changed: what is cut by it is planned anew, and nothing else. Compared are two plans of the same code, by the
 * point before and by the one after, so that nothing moves which an upgrade alone would move (reconcile/rollout.ts).
 *
 *   not made yet, or of a version that nobody has seen -> bound to its new node at once
 *   made and shown -> shown as it is until all of the asset is made, then moved with all of it (manifest/leaf-moves.ts)
 *
 * One transaction, with the asset's row locked and in it the change itself: a crash has done all of it or none.
 */
import { isAimed, wishesFor } from '../graph/wishes.ts'
import { groupBy } from '../lib/group-by.ts'
import type { Sql } from '../manifest/database.ts'
import {
  type AssetLeaf,
  finishMoves,
  forgetFormerLeaves,
  leavesOfAsset,
  rebindLeaves,
  wantMoves,
} from '../manifest/leaf-moves.ts'
import { type NodeWish, upsertNodes } from '../manifest/leaves.ts'
import { advanceVersion, reopenVersion } from '../manifest/publish.ts'
import type { Cause } from '../model/event.ts'
import type { FocalPoints } from '../model/focal.ts'
import { renditionOfLeaf } from './rollout.ts'

export interface Refocus {
  readonly tenant: string
  readonly asset: string
  readonly before: FocalPoints | undefined
  readonly after: FocalPoints | undefined
  readonly cause: Cause
  readonly maxCpuMs: number
}

type Bound = AssetLeaf & { readonly node: string }

interface Change {
  readonly leaf: Bound
  readonly wish: NodeWish
}

/** Nobody has been shown it, or it is not there to be shown. */
const isUnseen = ({ versionState, nodeState }: AssetLeaf): boolean =>
  versionState === 'PROCESSING' || versionState === 'FAILED' || nodeState !== 'DONE'

/** Somebody waits for it or has it. */
const isWanted = ({ nodeState }: AssetLeaf): boolean => nodeState !== 'PLANNED' && nodeState !== 'EVICTED'

/** Leaves of one rendition of one version that the change is about, with what they are to show. */
const changesOf = (leaves: readonly [AssetLeaf, ...AssetLeaf[]], { before, after, maxCpuMs }: Refocus): Change[] => {
  const [{ sha256, image }] = leaves
  const rendition = renditionOfLeaf(leaves[0])
  if (!isAimed(rendition)) return []
  const [old, now] = [before, after].map(focal =>
    wishesFor([rendition], { sha256, image, focal }, { lane: 'eager', maxCpuMs }),
  )
  return leaves.flatMap(leaf => {
    const [was, is] = [old, now].map(plan => plan?.leaves.find(({ format }) => format === leaf.format)?.node)
    const wish = now?.nodes.find(({ node }) => node.key === is)
    return wish && was !== is
      ? [{ leaf: { ...leaf, node: wish.node.key }, wish: { ...wish, wanted: isWanted(leaf) } }]
      : []
  })
}

/** How many leaves were planned anew, and originals that may have work for a worker. */
export const refocus = async (tx: Sql, change: Refocus): Promise<{ planned: number; originals: readonly string[] }> => {
  const { tenant, asset, cause } = change
  const groups = groupBy(await leavesOfAsset(tx, { tenant, asset }), leaf =>
    // Of operations each format is a wish of its own.
    [leaf.version, leaf.product, leaf.rendition, leaf.revision, leaf.recipe === null && leaf.format].join('/'),
  )
  await forgetFormerLeaves(tx, { tenant, asset })
  const changes = [...groups.values()].flatMap(leaves => changesOf(leaves as [AssetLeaf, ...AssetLeaf[]], change))
  // In the order in which every planner takes nodes: of originals, and within one of keys.
  const byOriginal = [...groupBy(changes, ({ leaf }) => leaf.sha256)].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [original, group] of byOriginal)
    await upsertNodes(tx, {
      tenant,
      original,
      traceparent: cause.traceparent,
      nodes: group.filter(({ leaf }) => leaf.node !== leaf.oldNode).map(({ wish }) => wish),
    })
  const leaves = changes.map(({ leaf }) => leaf)
  const settled = leaves.filter(leaf => leaf.node === leaf.oldNode || isUnseen(leaf))
  const moving = leaves.filter(leaf => leaf.node !== leaf.oldNode && !isUnseen(leaf))
  await rebindLeaves(
    tx,
    { tenant, asset },
    settled.filter(leaf => leaf.node !== leaf.oldNode),
  )
  await wantMoves(tx, { tenant, asset }, { moving, settled })
  for (const version of new Set(settled.map(leaf => leaf.version))) {
    await advanceVersion(tx, { tenant, asset, version, cause })
    await reopenVersion(tx, { tenant, asset, version, cause })
  }
  await finishMoves(tx, { tenant, asset, cause })
  return { planned: changes.length, originals: byOriginal.map(([original]) => original) }
}
