/** The plan of a version as it was made: the leaves of all products, with what has become of their nodes. Pure. */
import type { LeafState } from '../manifest/leaves.ts'
import { digestOf, type Hex } from '../model/ids.ts'
import type { Original } from '../model/original.ts'
import type { Format, Step } from '../model/recipe.ts'
import type { CostFactors } from './cost.ts'
import { type Ask, type ExplainedNode, type Explanation, explainPlan, type Made } from './explain.ts'
import { explanationText } from './explain-text.ts'
import { chainKeys } from './key.ts'

const askOf = (leaf: LeafState, original: Hex): Ask => {
  const { product, rendition, format: name, required, refusal, chain: text } = leaf
  const format = name as Format
  if (text === null) return { product, rendition, leaves: [{ format, required, ...(refusal && { refusal }) }] }
  const chain = JSON.parse(text) as Step[]
  const keys = chainKeys(chain, original)
  const node = { key: keys.at(-1) as Hex, original, chain, keys, format }
  return { product, rendition, leaves: [{ format, required, node }] }
}

interface PresentedNode {
  readonly node: string
  readonly step: Step
  readonly estimated_cpu_ms: number
  readonly shared_by: readonly string[]
  readonly state: string | undefined
  readonly measured_cpu_ms?: number
  readonly measured_alone_cpu_ms?: number
  readonly existed?: boolean
  readonly children?: readonly PresentedNode[]
}

const round = (value: number): number => Math.round(value * 10) / 10

const present = (node: ExplainedNode): PresentedNode => ({
  node: digestOf(node.key),
  step: node.step,
  estimated_cpu_ms: node.estimatedCpuMs,
  shared_by: node.sharedBy,
  state: node.state,
  ...(node.made && {
    measured_cpu_ms: round(node.made.cpuMs),
    measured_alone_cpu_ms: round(node.made.aloneCpuMs),
    existed: node.made.existed,
  }),
  ...(node.children.length > 0 && { children: node.children.map(present) }),
})

/** What one product may see: its own nodes with its own names, and how many wishes of others go through them. */
const seenBy = (product: string, { rungs, refused, ...rest }: Explanation): Explanation => {
  const isOwn = (wish: string): boolean => wish.startsWith(`${product}/`)
  const prune = (nodes: readonly ExplainedNode[]): readonly ExplainedNode[] =>
    nodes
      .filter(({ sharedBy }) => sharedBy.some(isOwn))
      .map(node => {
        const own = node.sharedBy.filter(isOwn)
        const others = node.sharedBy.length - own.length
        const sharedBy = others > 0 ? [...own, `${others} of other products`] : own
        return { ...node, sharedBy, children: prune(node.children) }
      })
  return { ...rest, rungs: prune(rungs), refused: refused.filter(({ wish }) => isOwn(wish)) }
}

export interface VersionFacts {
  readonly leaves: readonly LeafState[]
  /** Nodes that were there when this version asked for them. */
  readonly existing: ReadonlySet<Hex>
  readonly factors: CostFactors
  readonly viewer: string | undefined
}

const madeBy = (leaves: readonly LeafState[], existing: ReadonlySet<Hex>): ReadonlyMap<Hex, Made> =>
  new Map(
    leaves
      .filter(({ state }) => state === 'DONE')
      .flatMap(({ node, cpu_ms, alone_cpu_ms }) =>
        node
          ? [[node, { existed: existing.has(node), cpuMs: cpu_ms ?? 0, aloneCpuMs: alone_cpu_ms ?? 0 }] as const]
          : [],
      ),
  )

/** As data and as text; `viewer` is the product that asks, `undefined` for who may see all of them. Totals count all. */
export const explainVersion = (
  { sha256, image, mediaType }: Original,
  { leaves, existing, factors, viewer }: VersionFacts,
) => {
  if (!image) return { text: `original ${sha256.slice(0, 12)}  ${mediaType}: renditions do not apply\n` }
  const states = new Map(
    leaves.flatMap(({ node, state, executions, cpu_ms }) =>
      node ? [[node, `${state}${executions ? ` ran ${executions}x, ${Math.round(cpu_ms ?? 0)} ms` : ''}`]] : [],
    ),
  )
  const made = madeBy(leaves, existing)
  const whole = explainPlan({
    original: sha256,
    image,
    asks: leaves.map(leaf => askOf(leaf, sha256)),
    stateOf: key => states.get(key),
    madeOf: key => made.get(key),
    factors,
  })
  const explanation = viewer === undefined ? whole : seenBy(viewer, whole)
  const { totals, refused, rungs } = explanation
  return {
    text: explanationText(explanation),
    original: digestOf(sha256),
    // What of the original no output has.
    left_behind: image.gainMap ? ['gain-map'] : [],
    rungs: rungs.map(present),
    refused,
    totals: {
      asked: totals.asked,
      distinct: totals.distinct,
      estimated_alone_cpu_ms: totals.aloneCpuMs,
      estimated_cpu_ms: totals.plannedCpuMs,
      estimated_remaining_cpu_ms: totals.remainingCpuMs,
      existing: totals.existing,
      measured_cpu_ms: totals.measuredCpuMs,
      measured_alone_cpu_ms: totals.measuredAloneCpuMs,
      saved_cpu_ms: round(totals.measuredAloneCpuMs - totals.measuredCpuMs),
    },
  }
}
