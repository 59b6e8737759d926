/**
 * A recipe and an original become nodes: resolved against this very source, so that wishes that come to the same pixels are
 * the same node. Pure; the same plan on every gateway and every worker.
 */
import type { Point } from '../model/focal.ts'
import type { Hex } from '../model/ids.ts'
import { type ImageFacts, moves, uprightSize } from '../model/original.ts'
import {
  type Format,
  MOVING,
  type Output,
  type Params,
  type PlannedNode,
  type Recipe,
  type Step,
} from '../model/recipe.ts'
import { type Decode, decodeStep, iccOf } from '../ops/decode.ts'
import { encodeStep } from '../ops/encode.ts'
import { FLATTEN_BACKGROUND } from '../ops/flatten.ts'
import { concretise } from '../ops/late.ts'
import { refuseOutput } from '../ops/limits.ts'
import type { Concrete, PlanRefusal } from '../ops/operation.ts'
import { positionOf } from '../ops/registry.ts'
import { DEFAULT_KERNEL, type Kernel } from '../ops/resize.ts'
import { estimateChain } from './cost.ts'
import { chainKeys } from './key.ts'
import { pictureOf } from './picture.ts'
import { rungFor } from './rungs.ts'

/** An original as far as planning cares. */
export interface Source {
  readonly sha256: Hex
  readonly image: ImageFacts
  /** What `gravity: auto` keeps in sight for who asks. */
  readonly focal?: Point | undefined
}

/** One leaf. Exactly one of `node` and `refusal` is there. */
export interface PlannedRendition {
  readonly format: Format
  readonly required: boolean
  readonly node?: PlannedNode
  readonly refusal?: PlanRefusal
}

/** Runs the operations on what is known, without pixels. Stops at the first refusal. */
const resolveStages = ({ stages }: Recipe, { image, focal }: Source, frames: number): Concrete =>
  stages.flat().reduce<Concrete>(
    (sofar, { op, params }) => {
      if (sofar.refusal) return sofar
      const next = concretise(op, params, sofar.picture)
      return { ...next, steps: [...sofar.steps, ...next.steps] }
    },
    { steps: [], picture: pictureOf(image, frames, focal) },
  )

/** The source, decoded to the rung of the first scaling; where that is the rung itself, decoding has done it. */
const withDecode = (
  steps: readonly Step[],
  image: ImageFacts,
  { frames, ...how }: Pick<Decode, 'orientation' | 'icc'> & { frames: number },
): readonly Step[] => {
  const full = uprightSize({ ...image, orientation: how.orientation })
  const first = steps[0]
  const resizes = first?.op === 'resize'
  const target = resizes ? sizeOf(first.params) : full
  const rung = resizes ? rungFor({ ...full, format: image.format }, target) : { ...full, scaledLoad: false }
  const reached = resizes && rung.width === target.width && rung.height === target.height
  const kernel: Kernel = reached ? (first.params.kernel as Kernel) : isFull(rung, full) ? DEFAULT_KERNEL : 'cubic'
  const decode = decodeStep({ ...rung, from: full, ...how, kernel, ...(frames > 1 && { frames }) })
  return [decode, ...(reached ? steps.slice(1) : steps)]
}

const sizeOf = (params: Params) => ({ width: Number(params.width), height: Number(params.height) })
const isFull = (a: { width: number; height: number }, b: { width: number; height: number }): boolean =>
  a.width === b.width && a.height === b.height

const tooExpensive = (cpuMs: number, maxCpuMs: number): PlanRefusal => ({
  code: 'too-expensive',
  message: `The output is estimated at ${Math.round(cpuMs / 1000)} s of CPU; the limit is ${maxCpuMs / 1000}.`,
})

/**
 * CPU that one output may be estimated at: what a decode process is given without a sign of progress. AVIF of 4 MP at effort 6
 * comes to 13 s, four stages of median, blur and sharpen over 50 MP to 70.
 */
export const MAX_CPU_MS = 30_000

const planOutput = (
  { format, required, params }: Output,
  { concrete, source, maxCpuMs }: { concrete: Concrete; source: Source; maxCpuMs: number },
): PlannedRendition => {
  const { picture } = concrete
  const refusal = concrete.refusal ?? (picture.sized ? refuseOutput(format, picture) : undefined)
  if (refusal) return { format, required, refusal }
  const needsFlat = format === 'jpeg' && picture.hasAlpha
  const flat = needsFlat ? concretise('flatten', { background: FLATTEN_BACKGROUND }, picture).steps : []
  const encode = encodeStep(format, params)
  // The implicit flatten takes the place in the fixed order that an explicit one would have: before what goes along.
  const before = concrete.steps.filter(({ op }) => positionOf(op) < positionOf('icc'))
  // A GIF has room for neither a profile nor EXIF.
  const after = format === 'gif' ? [] : concrete.steps.filter(({ op }) => positionOf(op) >= positionOf('icc'))
  const icc = after.some(({ op }) => op === 'icc') ? 'ignore' : iccOf(source.image)
  const { orientation, frames } = picture
  const pixels = withDecode([...before, ...flat], source.image, { orientation, icc, frames })
  const chain = [...pixels, ...after, encode]
  const cpuMs = estimateChain(chain, source.image).reduce((sum, ms) => sum + ms, 0)
  if (cpuMs > maxCpuMs) return { format, required, refusal: tooExpensive(cpuMs, maxCpuMs) }
  const keys = chainKeys(chain, source.sha256)
  const size = picture.sized ? { width: picture.width, height: picture.height } : {}
  return { format, required, node: { key: keys.at(-1) as Hex, original: source.sha256, chain, keys, format, ...size } }
}

/**
 * One entry for each format of the recipe, in its order of preference: the recipe's own; but of a picture that moves, what keeps
 * it moving comes before what shows its first frame.
 */
export const planRendition = (recipe: Recipe, source: Source, maxCpuMs = MAX_CPU_MS): readonly PlannedRendition[] => {
  const { image } = source
  const goesOn = ({ format, params }: Output): boolean =>
    moves(image) && MOVING.includes(format) && params.animated !== false
  const moving = recipe.outputs.filter(goesOn)
  const still = recipe.outputs.filter(output => !goesOn(output))
  const plan = (outputs: readonly Output[], frames: number): readonly PlannedRendition[] => {
    if (outputs.length === 0) return []
    const concrete = resolveStages(recipe, source, frames)
    return outputs.map(output => planOutput(output, { concrete, source, maxCpuMs }))
  }
  return [...plan(moving, image.frames), ...plan(still, 1)]
}
