/**
 * Operations in a path, answered as if they were a rendition of one format. What may be asked for is the edge's own, so it is
 * looked at after permission: who may see renditions may be told that there is nothing but these.
 *
 * `auto` is one format, which follows from `Accept` alone: nothing better will come, and nothing is made that nobody takes.
 */
import { acceptableFormats } from '../deliver/negotiate.ts'
import type { ResolvedLeaf, ResolveFacts } from '../manifest/resolve-read.ts'
import { type AdHocProblem, DEFAULT_LADDER, fitsAvif, snapOperations } from '../model/ad-hoc.ts'
import { adHocName, isAdHoc, operationsOf } from '../model/delivery-path.ts'
import { refuse } from '../model/errors.ts'
import type { AdHoc } from '../model/product.ts'
import type { Format } from '../model/recipe.ts'
import { nothingHere } from './permit.ts'

interface Asked {
  readonly rendition: string
  readonly format: Format | 'auto'
  readonly accept: string | undefined
}

/** Throws `forbidden` where the product has renditions and nothing beside them. */
const requireAllowed = ({ edges }: ResolveFacts): AdHoc => {
  const allowed = edges.collection?.adHoc
  if (allowed) return allowed
  throw refuse('forbidden', 'The product may ask for its renditions here, and not for operations.', {
    details: { reasons: ['ad-hoc'] },
  })
}

/** What is wrong with a path that could be one of ours. */
export const invalidPath = ({ key, detail }: AdHocProblem) =>
  refuse('invalid-request', `The path is not valid at ${key.slice(0, 40) || 'an empty key'}: ${detail}`, {
    violations: [{ pointer: key, rule: 'path', message: detail }],
  })

/** The name of what is asked for with its sides on the edge's ladder; a rendition is what it is. */
export const onLadder = (facts: ResolveFacts, asked: Pick<Asked, 'rendition'>): string => {
  if (!isAdHoc(asked) || !facts.asset) return asked.rendition
  const { sides = DEFAULT_LADDER } = requireAllowed(facts)
  const snapped = snapOperations(operationsOf(asked), sides)
  if ('text' in snapped) return adHocName(snapped.text)
  throw invalidPath(snapped)
}

const formatOf = ({ formats }: AdHoc, { rendition, format, accept }: Asked): Format => {
  if (format !== 'auto') {
    if (formats.includes(format)) return format
    throw nothingHere()
  }
  const fitting = fitsAvif(operationsOf({ rendition })) ? formats : formats.filter(one => one !== 'avif')
  const [chosen] = acceptableFormats(fitting, accept)
  if (chosen === undefined) throw refuse('not-acceptable', `There are the formats ${formats.join(', ')}.`)
  return chosen
}

/** What stands in the place of a rendition and its leaves. */
export const adHocOf = (
  facts: ResolveFacts,
  asked: Asked,
): { rendition: NonNullable<ResolveFacts['rendition']>; leaves: readonly ResolvedLeaf[] } => {
  const format = formatOf(requireAllowed(facts), asked)
  const planned = facts.leaves.filter(leaf => leaf.format === format)
  return {
    rendition: { revision: 0, deprecation: undefined },
    leaves: planned.length > 0 ? planned : [unplanned(format)],
  }
}

const unplanned = (format: Format): ResolvedLeaf => ({
  format,
  required: false,
  node: undefined,
  state: 'PLANNED',
  failure: undefined,
  derivative: undefined,
  sharedWith: 0,
})
