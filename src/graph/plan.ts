/**
 * A recipe and an original become nodes: resolved against this very source, so that wishes that come to the same pixels are
 * the same node. Pure; the same plan on every gateway and every worker.
 */
import type { Hex } from '../model/ids.ts'
import { type ImageFacts, uprightSize } from '../model/original.ts'
import type { Format, Output, Params, PlannedNode, Recipe, Step } from '../model/recipe.ts'
import { type Decode, decodeStep } from '../ops/decode.ts'
import { encodeStep } from '../ops/encode.ts'
import { flattened } from '../ops/flatten.ts'
import { exceedsAvif, MAX_AVIF_PIXELS, MAX_AVIF_SIDE, MAX_SIDE } from '../ops/limits.ts'
import type { Concrete, Picture, Refusal } from '../ops/operation.ts'
import { findOperation, positionOf } from '../ops/registry.ts'
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
  hasAlpha,
  orientation,
  credit,
})

/** Runs the operations on what is known, without pixels. Stops at the first refusal. */
const concretise = ({ stages }: Recipe, image: ImageFacts): Concrete =>
  stages.flat().reduce<Concrete>(
    (sofar, { op, params }) => {
      if (sofar.refusal) return sofar
      const operation = findOperation(op)
      if (!operation) throw new TypeError(`Expected a known operation but received ${op}`)
      const next = operation.concretise(params, sofar.picture)
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

const tooLarge = (format: Format, { width, height }: Picture): Refusal | undefined => {
  if (width > MAX_SIDE || height > MAX_SIDE) {
    const message = `The output would be ${width} x ${height}; the limit is ${MAX_SIDE} pixels a side.`
    return { code: 'output-too-large', message }
  }
  if (format !== 'avif' || !exceedsAvif({ width, height })) return undefined
  const limit = `${MAX_AVIF_SIDE} pixels a side and ${MAX_AVIF_PIXELS} in all`
  return { code: 'output-too-large', message: `The output would be ${width} x ${height}; AVIF goes to ${limit}.` }
}

const planOutput = ({ format, required, params }: Output, concrete: Concrete, source: Source): PlannedRendition => {
  const refusal = concrete.refusal ?? tooLarge(format, concrete.picture)
  if (refusal) return { format, required, refusal }
  const flat = format === 'jpeg' ? flattened(concrete.picture) : { steps: [], picture: concrete.picture }
  const encode = encodeStep(format, params)
  // The implicit flatten takes the place in the fixed order that an explicit one would have: before the metadata.
  const before = concrete.steps.filter(({ op }) => positionOf(op) < positionOf('metadata'))
  const after = concrete.steps.filter(({ op }) => positionOf(op) >= positionOf('metadata'))
  const pixels = withDecode([...before, ...flat.steps], source.image, concrete.picture.orientation)
  const chain = [...pixels, ...after, encode]
  const keys = chainKeys(chain, source.sha256)
  const { width, height } = concrete.picture
  return {
    format,
    required,
    node: { key: keys.at(-1) as Hex, original: source.sha256, chain, keys, format, width, height },
  }
}

/** One entry for each format of the recipe, in its order. */
export const planRendition = (recipe: Recipe, source: Source): readonly PlannedRendition[] => {
  const concrete = concretise(recipe, source.image)
  return recipe.outputs.map(output => planOutput(output, concrete, source))
}
