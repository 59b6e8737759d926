/** The code of another release: what it plans of a wish has another key, and looks worse. */
import { chainKeys } from '../../src/graph/key.ts'
import { wishesFor } from '../../src/graph/wishes.ts'
import { canonicalText } from '../../src/lib/canonical.ts'
import type { NodeWish } from '../../src/manifest/leaves.ts'
import type { Step } from '../../src/model/recipe.ts'
import type { Planner } from '../../src/reconcile/rollout.ts'

const worsen = (step: Step): Step =>
  step.op === 'encode' ? { ...step, params: { ...step.params, quality: 12 } } : step
/** That this code cannot make. */
export const raiseEpoch = (step: Step): Step => ({ ...step, epoch: step.epoch + 1 })

const again = (wish: NodeWish, change: (step: Step) => Step): NodeWish => {
  const chain = wish.node.chain.map(change)
  const keys = chainKeys(chain, wish.node.original)
  return { ...wish, chain: canonicalText(chain), node: { ...wish.node, chain, keys, key: keys.at(-1) ?? '' } }
}

export const planWith =
  (change: (step: Step) => Step): Planner =>
  (rendition, source) => {
    const { nodes, leaves } = wishesFor([rendition], source, { lane: 'backfill' })
    const changed = new Map(nodes.map(wish => [wish.node.key, again(wish, change)]))
    return {
      nodes: [...changed.values()],
      leaves: leaves.map(leaf => ({ ...leaf, node: leaf.node && changed.get(leaf.node)?.node.key })),
    }
  }

export const planOfNextRelease = planWith(worsen)
