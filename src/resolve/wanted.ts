/** Which of the leaves of a rendition answer a question, and whether any ever will. Pure. */
import { acceptableFormats } from '../deliver/negotiate.ts'
import type { ResolvedLeaf } from '../manifest/resolve-read.ts'
import { refuse } from '../model/errors.ts'
import type { Format } from '../model/recipe.ts'
import { nothingHere } from './permit.ts'

interface Asked {
  readonly format: Format | 'auto'
  readonly accept: string | undefined
}

export const wantedLeaves = (leaves: readonly ResolvedLeaf[], { format, accept }: Asked): readonly ResolvedLeaf[] => {
  if (format !== 'auto') return leaves.filter(leaf => leaf.format === format)
  const accepted = acceptableFormats(
    leaves.map(leaf => leaf.format),
    accept,
  )
  return accepted.flatMap(chosen => leaves.filter(leaf => leaf.format === chosen))
}

/** With the fewest bytes: what is best of the wanted ones is not asked. */
export const leanest = (leaves: readonly ResolvedLeaf[]): ResolvedLeaf | undefined =>
  leaves
    .filter(leaf => leaf.derivative !== undefined)
    .reduce<ResolvedLeaf | undefined>((least, leaf) => (bytesOf(leaf) < bytesOf(least) ? leaf : least), undefined)

const bytesOf = (leaf: ResolvedLeaf | undefined): number => leaf?.derivative?.bytes ?? Number.POSITIVE_INFINITY

/** Nothing that could still become ready answers the question. */
export const refuseHopeless = (
  leaves: readonly ResolvedLeaf[],
  wanted: readonly ResolvedLeaf[],
  { format }: Asked,
): void => {
  if (wanted.some(leaf => leaf.state !== 'DEAD')) return
  const dead =
    wanted.find(leaf => leaf.state === 'DEAD') ??
    leaves.find(leaf => leaf.state === 'REFUSED' && (format === 'auto' || leaf.format === format))
  if (dead) {
    throw refuse('rendition-failed', 'The rendition could not be made from this version.', {
      details: { class: dead.failure ?? 'unknown', node: dead.node && `sha256:${dead.node}` },
    })
  }
  if (format !== 'auto') throw nothingHere()
  throw refuse('not-acceptable', `The rendition has the formats ${leaves.map(leaf => leaf.format).join(', ')}.`)
}
