/** Completeness is a fact one can read: for every product of a version, what is required, done, pending and failed. */
import type { LeafState } from '../manifest/leaves.ts'
import type { Version } from '../model/asset.ts'
import { isVariant } from '../model/delivery-path.ts'

type Status = 'COMPLETE' | 'PARTIAL' | 'PENDING' | 'DEGRADED' | 'FAILED'

const isDead = (leaf: LeafState): boolean => leaf.node === null || leaf.state === 'DEAD'

const statusOf = ({ required, done, dead }: { required: number; done: number; dead: number }): Status => {
  if (done === required) return 'COMPLETE'
  if (dead > 0) return done > 0 ? 'DEGRADED' : 'FAILED'
  return done > 0 ? 'PARTIAL' : 'PENDING'
}

const countsOf = (leaves: readonly LeafState[]) => {
  const gated = leaves.filter(leaf => leaf.required && leaf.eager)
  return {
    required: gated.length,
    done: gated.filter(leaf => leaf.state === 'DONE').length,
    dead: gated.filter(isDead).length,
  }
}

const productOf = (product: string, leaves: readonly LeafState[]) => {
  const counts = countsOf(leaves)
  const failed = leaves.filter(isDead).map(leaf => ({
    rendition: leaf.rendition,
    format: leaf.format,
    node: leaf.node && `sha256:${leaf.node}`,
    code: leaf.failure?.code ?? leaf.refusal?.code,
    attempts: leaf.failure?.attempts,
    at: leaf.failure?.at,
  }))
  return { product, status: statusOf(counts), ...counts, ...(failed.length > 0 && { failed }) }
}

/**
 * What somebody asked for beside the renditions is not part of being complete: nobody waits for it and nothing names it.
 *
 * `viewer`: a product is told of itself by name, and of the others what they come to; `undefined` is told everything.
 */
export const completenessOf = (
  asset: string,
  { version, state }: Version,
  { leaves: all, viewer }: { leaves: readonly LeafState[]; viewer: string | undefined },
) => {
  const leaves = all.filter(({ rendition }) => !isVariant(rendition))
  const everybody = [...new Set(leaves.map(leaf => leaf.product))]
  const products = everybody.filter(product => viewer === undefined || product === viewer)
  const others = leaves.filter(leaf => !products.includes(leaf.product))
  const nodes = new Set(leaves.flatMap(leaf => leaf.node ?? []))
  const asks = leaves.filter(leaf => leaf.node !== null).length
  const done = leaves.filter(leaf => leaf.state === 'DONE').length
  return {
    asset,
    version,
    state,
    products: products.map(product =>
      productOf(
        product,
        leaves.filter(leaf => leaf.product === product),
      ),
    ),
    ...(viewer !== undefined && { others: { products: everybody.length - products.length, ...countsOf(others) } }),
    asks,
    nodes: nodes.size,
    reused: asks - nodes.size,
    ready_percent: leaves.length === 0 ? 100 : Math.floor((100 * done) / leaves.length),
  }
}
