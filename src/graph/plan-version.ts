/** What the renditions of its collection want of a new version, written down: in the transaction that lets it be transformed. */
import type { Sql } from '../manifest/database.ts'
import { findFocal } from '../manifest/leaf-moves.ts'
import { insertLeaves, upsertNodes } from '../manifest/leaves.ts'
import { listRenditions } from '../manifest/renditions.ts'
import { announceReused } from '../manifest/reused.ts'
import type { Cause } from '../model/event.ts'
import type { Hex } from '../model/ids.ts'
import type { ImageFacts } from '../model/original.ts'
import { isAimed, wishesFor } from './wishes.ts'

interface NewVersion {
  readonly tenant: string
  readonly collection: string
  readonly asset: string
  readonly version: number
  readonly sha256: Hex
  readonly image: ImageFacts | undefined
  readonly cause: Cause
}

/** Answers whether there is anything to do of it now. */
export const planVersion = async (
  tx: Sql,
  { tenant, collection, asset, version, sha256, image, cause }: NewVersion,
  {
    onPlan,
    ...limits
  }: {
    readonly maxCpuMs: number
    readonly maxVariants: number
    readonly onPlan?: ((nodes: number) => void) | undefined
  },
): Promise<boolean> => {
  if (!image) return false
  const renditions = await listRenditions(tx, tenant, collection)
  // The caller holds the lock of the asset, so this is what it stays until the commit.
  const focal = renditions.some(isAimed) ? await findFocal(tx, tenant, asset) : undefined
  const { nodes, leaves } = wishesFor(renditions, { sha256, image, focal }, { lane: 'eager', ...limits })
  onPlan?.(nodes.length)
  const states = await upsertNodes(tx, { tenant, original: sha256, nodes, traceparent: cause.traceparent })
  const bound = await insertLeaves(tx, { tenant, asset, version, leaves })
  const isTold = states.some(({ state }) => state === 'DONE') || bound.some(({ node }) => node === null)
  if (isTold) await announceReused(tx, { tenant, cause, leaves: bound })
  return states.some(node => node.state === 'QUEUED' || node.state === 'RETRY')
}
