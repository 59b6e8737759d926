/**
 * What a change of an edge would change for its product and for the public, as of now. Pure: assets of which the same is so are
 * decided once. A caller is thought of with every scope, and where an edge has networks twice: inside of them and elsewhere.
 */
import type { AlikeAssets } from '../manifest/grounds.ts'
import type { Conditions } from '../model/conditions.ts'
import { PRODUCT_SCOPES, type Principal } from '../model/principal.ts'
import type { Edges, Grant } from '../model/product.ts'
import { ACTIONS, type Action, type Decision, decide } from './decide.ts'
import { governing } from './governing.ts'

export interface AccessChange {
  readonly who: 'product' | 'public'
  readonly action: Action
  readonly access: 'gained' | 'lost'
  /** Where the caller sits, where that matters before or after. */
  readonly from: 'inside' | 'elsewhere' | undefined
  readonly before: Decision
  readonly after: Decision
  readonly assets: number
  readonly sample: string | undefined
}

interface Viewpoint {
  readonly who: AccessChange['who']
  readonly action: Action
  readonly from: AccessChange['from']
}

/** Inside are those who are in the networks of either edge; lists that differ are shown beside. */
const seenFrom = (edge: Grant | undefined, from: Viewpoint['from']): Grant | undefined => {
  const networks = edge?.conditions?.networks
  if (!edge || !networks) return edge
  const seen: Conditions = { ...edge.conditions, networks: { blocks: networks.blocks, has: () => from === 'inside' } }
  return { ...edge, conditions: seen }
}

const hasNetworks = ({ collection, asset }: Edges): boolean =>
  Boolean(collection?.conditions?.networks ?? asset?.conditions?.networks)

const viewpoints = (networks: boolean): Viewpoint[] => {
  const places = networks ? (['inside', 'elsewhere'] as const) : [undefined]
  return places.flatMap(from => [
    ...ACTIONS.map(action => ({ who: 'product' as const, action, from })),
    { who: 'public' as const, action: 'resolve' as const, from },
  ])
}

export interface Changed {
  readonly product: string
  readonly at: number
  /** What the edges of these assets would be. */
  readonly change: (before: Edges) => Edges
}

export const accessChanges = (
  groups: readonly AlikeAssets[],
  { product, at, change }: Changed,
): readonly AccessChange[] => {
  const asker: Principal = { tenant: '', kind: 'key', id: '', product, scopes: PRODUCT_SCOPES }
  const changes = new Map<string, AccessChange>()
  const answer = (edges: Edges, { who, action, from }: Viewpoint, { mediaType, labels }: AlikeAssets): Decision =>
    decide({
      principal: who === 'product' ? asker : undefined,
      action,
      product,
      edge: seenFrom(governing(edges, at), from),
      context: { at, mediaType, labels },
    })
  for (const group of groups) {
    const later = change(group.edges)
    for (const view of viewpoints(hasNetworks(group.edges) || hasNetworks(later))) {
      const before = answer(group.edges, view, group)
      const after = answer(later, view, group)
      if ((before.effect === 'allow') === (after.effect === 'allow')) continue
      const access = after.effect === 'allow' ? 'gained' : 'lost'
      const key = [view.who, view.action, view.from, before.rule, after.rule].join()
      const known = changes.get(key)
      const assets = (known?.assets ?? 0) + group.assets
      changes.set(key, { ...view, access, before, after, assets, sample: known?.sample ?? (group.sample || undefined) })
    }
  }
  return [...changes.values()]
}
