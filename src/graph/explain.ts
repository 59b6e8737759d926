/**
 * A plan one can read, before or after it runs, the way a database prints one: rungs, nodes, who shares them, what exists and
 * what the rest will cost.
 */
import { groupBy } from '../lib/group-by.ts'
import type { Hex } from '../model/ids.ts'
import type { ImageFacts } from '../model/original.ts'
import type { Format, PlannedNode, Step } from '../model/recipe.ts'
import { estimateChain } from './cost.ts'
import type { PlannedRendition } from './plan.ts'

/** A product's rendition, planned. */
export interface Ask {
  readonly product: string
  readonly rendition: string
  readonly leaves: readonly PlannedRendition[]
}

export interface ExplainedNode {
  readonly key: Hex
  readonly step: Step
  readonly estimatedCpuMs: number
  /** `product/rendition.format` of everyone whose chain goes through here. */
  readonly sharedBy: readonly string[]
  /** How many they are, those included that are not named to whoever asks. */
  readonly wishes: number
  /** Of a leaf, where it is known. */
  readonly state?: string
  readonly children: readonly ExplainedNode[]
}

export interface Explanation {
  readonly original: Hex
  readonly image: Pick<ImageFacts, 'format' | 'width' | 'height'>
  readonly rungs: readonly ExplainedNode[]
  readonly refused: readonly { readonly wish: string; readonly code: string; readonly message: string }[]
  readonly totals: {
    readonly asked: number
    readonly distinct: number
    /** If every wish were made alone, and as planned. */
    readonly aloneCpuMs: number
    readonly plannedCpuMs: number
  }
}

export interface ExplainRequest {
  readonly original: Hex
  readonly image: ImageFacts
  readonly asks: readonly Ask[]
  readonly stateOf?: (key: Hex) => string | undefined
}

interface Wish {
  readonly name: string
  readonly node: PlannedNode
  readonly costs: readonly number[]
}

const wishName = ({ product, rendition }: Ask, format: Format): string => `${product}/${rendition}.${format}`

const grow = (wishes: readonly Wish[], depth: number, stateOf: ExplainRequest['stateOf']): readonly ExplainedNode[] => {
  const groups = groupBy(
    wishes.filter(({ node }) => depth < node.chain.length),
    ({ node }) => node.keys[depth] as Hex,
  )
  return [...groups].map(([key, members]) => {
    const { node, costs } = members[0] as Wish
    const state = depth === node.chain.length - 1 ? stateOf?.(key) : undefined
    return {
      key,
      step: node.chain[depth] as Step,
      estimatedCpuMs: round(costs[depth] ?? 0),
      sharedBy: members.map(({ name }) => name),
      wishes: members.length,
      ...(state !== undefined && { state }),
      children: grow(members, depth + 1, stateOf),
    }
  })
}

const round = (value: number): number => Math.round(value * 10) / 10
const sum = (values: readonly number[]): number => round(values.reduce((total, value) => total + value, 0))
const costOf = (nodes: readonly ExplainedNode[]): number =>
  sum(nodes.map(({ estimatedCpuMs, children }) => estimatedCpuMs + costOf(children)))

/** Pure. `asks` may be all renditions of all products, or one. */
export const explainPlan = ({ original, image, asks, stateOf }: ExplainRequest): Explanation => {
  const leaves = asks.flatMap(ask => ask.leaves.map(leaf => ({ ...leaf, name: wishName(ask, leaf.format) })))
  const wishes = leaves.flatMap(({ name, node }) =>
    node ? [{ name, node, costs: estimateChain(node.chain, image) }] : [],
  )
  const rungs = grow(wishes, 0, stateOf)
  return {
    original,
    image: { format: image.format, width: image.width, height: image.height },
    rungs,
    refused: leaves.flatMap(({ name, refusal }) => (refusal ? [{ wish: name, ...refusal }] : [])),
    totals: {
      asked: wishes.length,
      distinct: new Set(wishes.map(({ node }) => node.key)).size,
      aloneCpuMs: sum(wishes.flatMap(({ costs }) => costs)),
      plannedCpuMs: costOf(rungs),
    },
  }
}
