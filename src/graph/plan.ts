/**
 * A recipe and an original become nodes: resolved against this very source, so that wishes that come to the same pixels are
 * the same node. Pure; the same plan on every gateway and every worker.
 */
import type { Hex } from '../model/ids.ts'
import { type ImageFacts, uprightSize } from '../model/original.ts'
import type { Format, Output, Params, PlannedNode, Recipe, Step } from '../model/recipe.ts'
import { type Decode, decodeStep } from '../ops/decode.ts'
import { encodeStep } from '../ops/encode.ts'
import { FLATTEN_BACKGROUND } from '../ops/flatten.ts'
import { concretise } from '../ops/late.ts'
import { refuseOutput } from '../ops/limits.ts'
import type { Concrete, Picture, Refusal } from '../ops/operation.ts'
import { positionOf } from '../ops/registry.ts'
import { DEFAULT_KERNEL, type Kernel } from '../ops/resize.ts'
import { chainKeys } from './key.ts'
import { rungFor } from './rungs.ts'

/** An original as far as planning cares. */
export interface Source {
  readonly sha256: Hex
  readonly image: ImageFacts
}

/** One leaf. Exactly one of `node` and `refusal` is there. */
export interface PlannedRendition {
  readonly format: Format
  readonly required: boolean
  readonly node?: PlannedNode
  readonly refusal?: Refusal
}

const pictureOf = ({ width, height, hasAlpha, orientation, credit }: ImageFacts): Picture => ({
  width,
  height,
  sized: true,
  hasAlpha,
  orientation,
  credit,
})

/** Runs the operations on what is known, without pixels. Stops at the first refusal. */
const resolveStages = ({ stages }: Recipe, image: ImageFacts): Concrete =>
  stages.flat().reduce<Concrete>(
    (sofar, { op, params }) => {
      if (sofar.refusal) return sofar
      const next = concretise(op, params, sofar.picture)
      return { ...next, steps: [...sofar.steps, ...next.steps] }
    },
    { steps: [], picture: pictureOf(image) },
  )

const iccOf = ({ icc, space }: ImageFacts): Decode['icc'] => {
  if (icc !== 'other') return 'ignore'
  return space === 'rgb16' ? 'convert-wide' : 'convert'
}

/** The source, decoded to the rung of the first scaling; where that is the rung itself, decoding has done it. */
const withDecode = (steps: readonly Step[], image: ImageFacts, orientation: number): readonly Step[] => {
  const full = uprightSize({ ...image, orientation })
  const first = steps[0]
  const resizes = first?.op === 'resize'
  const target = resizes ? sizeOf(first.params) : full
  const rung = resizes ? rungFor({ ...full, format: image.format }, target) : { ...full, scaledLoad: false }
  const reached = resizes && rung.width === target.width && rung.height === target.height
  const kernel: Kernel = reached ? (first.params.kernel as Kernel) : isFull(rung, full) ? DEFAULT_KERNEL : 'cubic'
  const decode = decodeStep({ ...rung, from: full, orientation, icc: iccOf(image), kernel })
  return [decode, ...(reached ? steps.slice(1) : steps)]
}

const sizeOf = (params: Params) => ({ width: Number(params.width), height: Number(params.height) })
const isFull = (a: { width: number; height: number }, b: { width: number; height: number }): boolean =>
  a.width === b.width && a.height === b.height

const planOutput = ({ format, required, params }: Output, concrete: Concrete, source: Source): PlannedRendition => {
  const { picture } = concrete
  const refusal = concrete.refusal ?? (picture.sized ? refuseOutput(format, picture) : undefined)
  if (refusal) return { format, required, refusal }
  const needsFlat = format === 'jpeg' && picture.hasAlpha
  const flat = needsFlat ? concretise('flatten', { background: FLATTEN_BACKGROUND }, picture).steps : []
  const encode = encodeStep(format, params)
  // The implicit flatten takes the place in the fixed order that an explicit one would have: before the metadata.
  const before = concrete.steps.filter(({ op }) => positionOf(op) < positionOf('metadata'))
  const after = concrete.steps.filter(({ op }) => positionOf(op) >= positionOf('metadata'))
  const pixels = withDecode([...before, ...flat], source.image, picture.orientation)
  const chain = [...pixels, ...after, encode]
  const keys = chainKeys(chain, source.sha256)
  const size = picture.sized ? { width: picture.width, height: picture.height } : {}
  return { format, required, node: { key: keys.at(-1) as Hex, original: source.sha256, chain, keys, format, ...size } }
}

/** One entry for each format of the recipe, in its order. */
export const planRendition = (recipe: Recipe, source: Source): readonly PlannedRendition[] => {
  const concrete = resolveStages(recipe, source.image)
  return recipe.outputs.map(output => planOutput(output, concrete, source))
}
