/** Chains as the tree of their common prefixes: what is to be run once and by whom it is needed. Pure. */
import { canonicalText } from '../lib/canonical.ts'
import type { Step } from '../model/recipe.ts'
import type { DecodeTask } from './decode-protocol.ts'

export interface Leaf {
  readonly id: string
  /** Metadata and the encoder: they make a file of pixels in one pipeline and are not shared. */
  readonly steps: readonly Step[]
}

export interface Branch {
  readonly step: Step
  /** Tasks whose chain goes through here. */
  readonly ids: readonly string[]
  readonly branches: readonly Branch[]
  readonly leaves: readonly Leaf[]
}

const isOutput = ({ op }: Step): boolean => op === 'metadata' || op === 'encode'

interface Rest {
  readonly id: string
  readonly pixels: readonly Step[]
  readonly output: readonly Step[]
}

const grow = (rests: readonly Rest[]): readonly Branch[] => {
  const groups = new Map<string, { step: Step; members: Rest[] }>()
  for (const { pixels, ...rest } of rests) {
    const [step, ...more] = pixels
    if (!step) continue
    const text = canonicalText(step)
    const group = groups.get(text) ?? { step, members: [] }
    group.members.push({ ...rest, pixels: more })
    groups.set(text, group)
  }
  return [...groups.values()].map(({ step, members }) => ({
    step,
    ids: members.map(({ id }) => id),
    branches: grow(members),
    leaves: members.filter(({ pixels }) => pixels.length === 0).map(({ id, output }) => ({ id, steps: output })),
  }))
}

/** Branches stand in the order in which tasks first need them. */
export const chainTree = (tasks: readonly DecodeTask[]): readonly Branch[] =>
  grow(
    tasks.map(({ id, chain }) => ({
      id,
      pixels: chain.filter(step => !isOutput(step)),
      output: chain.filter(isOutput),
    })),
  )
