/** Chains as the tree of their common prefixes: what is to be run once and by whom it is needed. Pure. */
import { canonicalText } from '../lib/canonical.ts'
import { groupBy } from '../lib/group-by.ts'
import type { Step } from '../model/recipe.ts'
import type { DecodeTask } from './decode-protocol.ts'

export interface Leaf {
  readonly id: string
  /** Metadata and the encoder: they make a file of pixels in one pipeline and are not shared. */
  readonly steps: readonly Step[]
  readonly deferred: boolean
}

export interface Branch {
  readonly step: Step
  /** Tasks whose chain goes through here. */
  readonly ids: readonly string[]
  readonly branches: readonly Branch[]
  readonly leaves: readonly Leaf[]
}

const OUTPUTS: ReadonlySet<string> = new Set(['icc', 'metadata', 'encode', 'look'])
const isOutput = ({ op }: Step): boolean => OUTPUTS.has(op)

interface Rest {
  readonly id: string
  readonly pixels: readonly Step[]
  readonly output: readonly Step[]
  readonly deferred: boolean
}

const grow = (rests: readonly Rest[], depth: number): readonly Branch[] => {
  const deeper = rests.filter(({ pixels }) => depth < pixels.length)
  return [...groupBy(deeper, ({ pixels }) => canonicalText(pixels[depth])).values()].map(members => ({
    step: members[0]?.pixels[depth] as Step,
    ids: members.map(({ id }) => id),
    branches: grow(members, depth + 1),
    leaves: members
      .filter(({ pixels }) => pixels.length === depth + 1)
      .map(({ id, output, deferred }) => ({ id, steps: output, deferred })),
  }))
}

/** Branches stand in the order in which tasks first need them. */
export const chainTree = (tasks: readonly DecodeTask[]): readonly Branch[] =>
  grow(
    tasks.map(({ id, chain, deferred = false }) => ({
      id,
      deferred,
      pixels: chain.filter(step => !isOutput(step)),
      output: chain.filter(isOutput),
    })),
    0,
  )
