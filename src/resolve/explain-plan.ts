/**
 * What a cold resolve would plan, found out without planning it: the leaves as they would be, bound to nodes as they are. A node
 * that another product has had made is there already; one that would have to be made would be queued.
 */
import { wishesFor } from '../graph/wishes.ts'
import type { Sql } from '../manifest/database.ts'
import { outputsOf } from '../manifest/explain-read.ts'
import type { LeafWish } from '../manifest/leaves.ts'
import { findOriginalOf } from '../manifest/original-of.ts'
import type { ResolvedLeaf, ResolveFacts } from '../manifest/resolve-read.ts'
import type { Rendition } from '../model/product.ts'
import { refuseNoImage } from './demand.ts'
import { nothingHere } from './permit.ts'

export interface DryPlan {
  readonly facts: ResolveFacts
  /** What the first resolve would put into the queue. */
  readonly queued: number
}

const isOpen = ({ state }: ResolvedLeaf): boolean => state === 'PLANNED' || state === 'EVICTED'

/** Throws what planning would. */
export const planDry = async (
  sql: Sql,
  facts: ResolveFacts,
  {
    tenant,
    asset,
    version,
    rendition,
    maxCpuMs,
  }: { tenant: string; asset: string; version: number; rendition: Rendition; maxCpuMs: number },
): Promise<DryPlan> => {
  const original = await findOriginalOf(sql, { tenantId: tenant, assetId: asset, version })
  if (!original) throw nothingHere()
  if (!original.image) throw refuseNoImage(original)
  const source = { sha256: original.sha256, image: original.image, focal: original.focal }
  const { leaves } = wishesFor([rendition], source, { lane: 'eager', maxCpuMs })
  const nodes = await outputsOf(
    sql,
    tenant,
    leaves.flatMap(({ node }) => node ?? []),
  )
  const wanted = leaves.map(leaf => leafOf(leaf, nodes))
  const kept = facts.leaves.filter(leaf => !isOpen(leaf))
  const merged = wanted.map(leaf => kept.find(({ format }) => format === leaf.format) ?? leaf)
  return { facts: { ...facts, leaves: merged }, queued: merged.filter(isOpen).length }
}

const leafOf = (
  { format, required, node, refusal }: LeafWish,
  nodes: Awaited<ReturnType<typeof outputsOf>>,
): ResolvedLeaf => {
  const known = nodes.find(({ id }) => id === node)
  return {
    format: format as ResolvedLeaf['format'],
    required,
    node,
    state: node === undefined ? 'REFUSED' : (known?.state ?? 'PLANNED'),
    failure: refusal?.code ?? known?.failure ?? undefined,
    derivative: known?.derivative,
    sharedWith: 0,
  }
}
