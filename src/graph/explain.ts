/**
 * A plan one can read, before or after it runs, the way a database prints one: rungs, nodes, who shares them, what exists and
 * what the rest will cost.
 */
import { groupBy } from '../lib/group-by.ts'
import type { Hex } from '../model/ids.ts'
import type { ImageFacts } from '../model/original.ts'
import type { Format, PlannedNode, Step } from '../model/recipe.ts'
import { type CostFactors, estimateChain } from './cost.ts'
import type { PlannedRendition } from './plan.ts'

/** A product's rendition, planned. */
export interface Ask {
  readonly product: string
  readonly rendition: string
  readonly leaves: readonly PlannedRendition[]
}

/** What became of a leaf's node. */
export interface Made {
  /** It was there when this version asked for it. */
  readonly existed: boolean
  /** Of the run that made it, in which steps that others go through too are charged to the first of them. */
  readonly cpuMs: number
  /** What that run would have taken for this node alone. */
  readonly aloneCpuMs: number
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
  readonly made?: Made
  readonly children: readonly ExplainedNode[]
}

export interface Explanation {
  readonly original: Hex
  readonly image: Pick<ImageFacts, 'format' | 'width' | 'height' | 'gainMap'>
  readonly rungs: readonly ExplainedNode[]
  readonly refused: readonly { readonly wish: string; readonly code: string; readonly message: string }[]
  readonly totals: {
    readonly asked: number
    readonly distinct: number
    /** If every wish were made alone, and as planned. */
    readonly aloneCpuMs: number
    readonly plannedCpuMs: number
    /** Of what is not made yet. */
    readonly remainingCpuMs: number
    /** Distinct outputs that were there already. */
    readonly existing: number
    /** Measured: what this version has cost, and what its wishes that are done would have cost alone. */
    readonly measuredCpuMs: number
    readonly measuredAloneCpuMs: number
  }
}

export interface ExplainRequest {
  readonly original: Hex
  readonly image: ImageFacts
  readonly asks: readonly Ask[]
  readonly stateOf?: (key: Hex) => string | undefined
  /** `undefined` until it is made. */
  readonly madeOf?: (key: Hex) => Made | undefined
  readonly factors?: CostFactors
}

interface Wish {
  readonly name: string
  readonly node: PlannedNode
  readonly costs: readonly number[]
}

const wishName = ({ product, rendition }: Ask, format: Format): string => `${product}/${rendition}.${format}`

const grow = (
  wishes: readonly Wish[],
  depth: number,
  known: Pick<ExplainRequest, 'stateOf' | 'madeOf'>,
): readonly ExplainedNode[] => {
  const groups = groupBy(
    wishes.filter(({ node }) => depth < node.chain.length),
    ({ node }) => node.keys[depth] as Hex,
  )
  return [...groups].map(([key, members]) => {
    const { node, costs } = members[0] as Wish
    const isLeaf = depth === node.chain.length - 1
    const state = isLeaf ? known.stateOf?.(key) : undefined
    const made = isLeaf ? known.madeOf?.(key) : undefined
    return {
      key,
      step: node.chain[depth] as Step,
      estimatedCpuMs: round(costs[depth] ?? 0),
      sharedBy: members.map(({ name }) => name),
      wishes: members.length,
      ...(state !== undefined && { state }),
      ...(made && { made }),
      children: grow(members, depth + 1, known),
    }
  })
}

const round = (value: number): number => Math.round(value * 10) / 10
const sum = (values: readonly number[]): number => round(values.reduce((total, value) => total + value, 0))
const costOf = (nodes: readonly ExplainedNode[]): number =>
  sum(nodes.map(({ estimatedCpuMs, children }) => estimatedCpuMs + costOf(children)))

/** Pure. `asks` may be all renditions of all products, or one. */
export const explainPlan = ({ original, image, asks, stateOf, madeOf, factors }: ExplainRequest): Explanation => {
  const leaves = asks.flatMap(ask => ask.leaves.map(leaf => ({ ...leaf, name: wishName(ask, leaf.format) })))
  const wishes = leaves.flatMap(({ name, node }) =>
    node ? [{ name, node, costs: estimateChain(node.chain, image, factors) }] : [],
  )
  const rungs = grow(wishes, 0, { ...(stateOf && { stateOf }), ...(madeOf && { madeOf }) })
  const madeOfWish = ({ node }: Wish): Made | undefined => madeOf?.(node.key)
  const distinct = [...new Map(wishes.map(wish => [wish.node.key, wish])).values()]
  const own = distinct.flatMap(wish => madeOfWish(wish) ?? []).filter(({ existed }) => !existed)
  return {
    original,
    image: {
      format: image.format,
      width: image.width,
      height: image.height,
      ...(image.gainMap && { gainMap: true }),
    },
    rungs,
    refused: leaves.flatMap(({ name, refusal }) => (refusal ? [{ wish: name, ...refusal }] : [])),
    totals: {
      asked: wishes.length,
      distinct: distinct.length,
      aloneCpuMs: sum(wishes.flatMap(({ costs }) => costs)),
      plannedCpuMs: costOf(rungs),
      remainingCpuMs: costOf(
        grow(
          wishes.filter(wish => !madeOfWish(wish)),
          0,
          {},
        ),
      ),
      existing: distinct.filter(wish => madeOfWish(wish)?.existed).length,
      measuredCpuMs: sum(own.map(({ cpuMs }) => cpuMs)),
      measuredAloneCpuMs: sum(wishes.map(wish => madeOfWish(wish)?.aloneCpuMs ?? 0)),
    },
  }
}
