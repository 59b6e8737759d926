/** Chains as the tree of their common prefixes: what is to be run once and by whom it is needed. Pure. */
import { canonicalText } from '../lib/canonical.ts'
import { groupBy } from '../lib/group-by.ts'
import type { Step } from '../model/recipe.ts'
import { type Decode, decodeStep } from '../ops/decode.ts'
import { DEFAULT_KERNEL, resizeStep } from '../ops/resize.ts'
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

/** Pixels of a source that is kept whole while targets are made of it: 48 MB, beside what the targets take. */
const MOST_KEPT = 16_000_000

/** What decoding comes to before it scales; `undefined` where scaling is the decoder's own. */
const wholeOf = ({ step }: Branch): Decode | undefined => {
  const decode = step.params as Decode
  const { from, scaledLoad, frames } = decode
  if (step.op !== 'decode' || scaledLoad || frames !== undefined || from.width * from.height > MOST_KEPT)
    return undefined
  return { ...decode, ...from, kernel: DEFAULT_KERNEL }
}

/**
 * Decodings of one source that scale what they have decoded whole are one decoding and several scalings. What comes out is the
 * same to the byte where pixels have 8 bits, which is for the caller to know: 2 to 16 MP for three targets in 63 to 79 % of the CPU.
 */
export const shareDecoding = (roots: readonly Branch[]): readonly Branch[] =>
  [...groupBy(roots, root => canonicalText(wholeOf(root) ?? root.step)).values()].map(members => {
    const [first, ...others] = members
    const whole = first && wholeOf(first)
    if (!first || !whole || others.length === 0) return first as Branch
    const step = decodeStep(whole)
    const isWhole = ({ step: { params } }: Branch): boolean =>
      params.width === whole.width && params.height === whole.height
    const scaled = (root: Branch): Branch => {
      const { width, height, kernel } = root.step.params as Decode
      return { ...root, step: resizeStep({ width, height, kernel }) }
    }
    return {
      step,
      ids: members.flatMap(({ ids }) => ids),
      branches: members.flatMap(root => (isWhole(root) ? root.branches : [scaled(root)])),
      leaves: members.flatMap(root => (isWhole(root) ? root.leaves : [])),
    }
  })

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
