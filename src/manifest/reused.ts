/**
 * Leaves that are ready from the start, because their node was made for somebody else: nothing is settled for them, so they are
 * announced by whoever binds them. Without it a consumer of events, and a manifest that is kept by them, would miss them.
 */
import { groupBy } from '../lib/group-by.ts'
import type { Cause } from '../model/event.ts'
import { digestOf } from '../model/ids.ts'
import type { LeafName } from '../model/node.ts'
import type { Sql } from './database.ts'
import { appendFacts } from './events.ts'
import { productFacts } from './product-states.ts'
import { lockAsset } from './publish.ts'

export interface BoundLeaf extends LeafName {
  readonly node: string | null
}

/** `offset 0`: found by their keys, also where tables have grown since they were counted. */
const READY = {
  name: 'leaves_reused',
  text: `select q.id, encode(d.sha256, 'hex') as sha256, d.media_type, d.width, d.height, d.byte_length as bytes
         from unnest($2::text[]) as q (id)
         cross join lateral (select m.output from node m where m.tenant_id = $1 and m.node_id = decode(q.id, 'hex') and m.state = 'DONE' offset 0) n
         cross join lateral (select * from derivative e where e.tenant_id = $1 and e.sha256 = n.output offset 0) d`,
}

interface Made {
  readonly id: string
  readonly sha256: string
  readonly media_type: string
  readonly width: number
  readonly height: number
  readonly bytes: number
}

/** In the transaction that bound them, behind everything that locks nodes: assets are locked last, in the order of their ids. */
export const announceReused = async (
  tx: Sql,
  { tenant, cause, leaves }: { tenant: string; cause: Cause; leaves: readonly BoundLeaf[] },
): Promise<void> => {
  if (leaves.length === 0) return
  const nodes = [...new Set(leaves.flatMap(({ node }) => node ?? []))]
  const made = new Map((await tx.rows<Made>(READY, [tenant, nodes])).map(row => [row.id, row]))
  const byAsset = groupBy(leaves, ({ asset }) => asset)
  for (const asset of [...byAsset.keys()].sort()) {
    const facts = (byAsset.get(asset) ?? []).flatMap(({ node, ...leaf }) => {
      const found = made.get(node ?? '')
      if (found === undefined) return []
      const { id, sha256, ...derivative } = found
      const data = { ...leaf, node: digestOf(id), digest: digestOf(sha256), ...derivative, reused: true as const }
      return [{ type: 'rendition.ready' as const, data }]
    })
    await appendFacts(tx, { tenant, asset, cause, facts })
    for (const [version, bound] of groupBy(byAsset.get(asset) ?? [], leaf => leaf.version)) {
      const isPlanned = bound.some(({ node }) => node === null)
      const found = bound.flatMap(({ node }) => (node !== null && made.has(node) ? node : []))
      if (found.length === 0 && !isPlanned) continue
      // Those that are refused something are told of it, and have not locked the asset so far.
      if (facts.length === 0) await lockAsset(tx, tenant, asset)
      const products = await productFacts(tx, { tenant, asset, version }, { nodes: found, isPlanned })
      await appendFacts(tx, { tenant, asset, cause, facts: products })
    }
  }
}
