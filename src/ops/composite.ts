/**
 * Lays a second picture on the first: a watermark, a badge, a frame. The second one is an original of its own, with a chain of
 * its own: a node that has two parents. Whoever uses the same picture in the same size uses the same node.
 *
 * A recipe names an asset; before it is kept it is pinned (graph/pin.ts) to one version and what is known of it, so that a plan
 * needs nothing but the recipe and the source, and a new logo changes nothing until somebody says so.
 */
import type { Blend } from 'sharp'
import { z } from 'zod'
import type { Hex } from '../model/ids.ts'
import { type ImageFacts, uprightSize } from '../model/original.ts'
import type { JsonValue, Params, Step } from '../model/recipe.ts'
import { decodeStep, iccOf } from './decode.ts'
import { GRAVITIES, gravity, offsetByGravity, share } from './gravity.ts'
import { MAX_SIDE } from './limits.ts'
import { operation, type Picture } from './operation.ts'
import { openPixels, type Pixels } from './pixels.ts'
import { DEFAULT_KERNEL, resizeStep } from './resize.ts'

/** Those that leave the alpha of the first picture as it is. */
const BLENDS = [
  'over',
  'multiply',
  'screen',
  'overlay',
  'darken',
  'lighten',
  'colour-dodge',
  'colour-burn',
  'hard-light',
  'soft-light',
  'difference',
  'exclusion',
] as const satisfies readonly Blend[]

/** What a plan has to know of the second picture. */
export type SecondPicture = { sha256: Hex } & Pick<ImageFacts, 'width' | 'height' | 'orientation' | 'icc' | 'space'>

type Asked = {
  asset: string
  version?: number
  gravity: (typeof GRAVITIES)[number]
  /** Pixels towards the middle from the edges that gravity names; from the middle to the right and down otherwise. */
  x: number
  y: number
  /** Share of the first picture's width; its own width where absent. */
  scale?: number
  opacity: number
  blend: (typeof BLENDS)[number]
  /** Pixels of the result to one of its own; written by nobody (`zoom`). */
  density?: number
  second?: SecondPicture
}

/** The parent that is not the step before: an original and what is done to it. */
export type Second = { original: Hex; chain: { op: string; epoch: number; params: Params }[] }
type Composite = { second: Second; left: number; top: number; opacity: number; blend: Blend }

const EPOCH = 1
const offset = z.int().min(-MAX_SIDE).max(MAX_SIDE)

const schema = z.strictObject({
  asset: z.uuid().describe('The asset that is laid on, of a collection that the product may see.'),
  version: z
    .int()
    .min(1)
    .optional()
    .describe('Its version; the current one where absent, as of when the recipe is written.'),
  gravity: gravity.default('centre').describe(`Where it lies: ${GRAVITIES.join(', ')}.`),
  x: offset.default(0).describe('Pixels from the edge that gravity names, or right of the middle.'),
  y: offset.default(0).describe('Pixels from the edge that gravity names, or below the middle.'),
  scale: share.optional().describe('Its width as a share of the picture’s, 0 to 1; its own size where absent.'),
  opacity: share.default(1).describe('0 to 1.'),
  blend: z.enum(BLENDS).default('over').describe('How the two are mixed.'),
})

/** As large as was asked, and never larger than what it is laid on. */
const sizeOn = (second: SecondPicture, picture: Picture, { scale, density = 1 }: Pick<Asked, 'scale' | 'density'>) => {
  const own = uprightSize(second)
  const wanted = scale === undefined ? density : (scale * picture.width) / own.width
  const factor = Math.min(wanted, picture.width / own.width, picture.height / own.height)
  return {
    width: Math.min(picture.width, Math.max(1, Math.round(own.width * factor))),
    height: Math.min(picture.height, Math.max(1, Math.round(own.height * factor))),
  }
}

/** Decoded whole: it is small, mostly not a JPEG, and kept by whoever rendered it. */
const chainOf = (second: SecondPicture, size: { width: number; height: number }): Second['chain'] => {
  const from = uprightSize(second)
  const { orientation } = second
  const decode = decodeStep({
    ...from,
    from,
    orientation,
    icc: iccOf(second),
    kernel: DEFAULT_KERNEL,
    scaledLoad: false,
  })
  const isSame = size.width === from.width && size.height === from.height
  return isSame ? [decode] : [decode, resizeStep({ ...size, kernel: DEFAULT_KERNEL })]
}

const within = (value: number, max: number): number => Math.min(Math.max(value, 0), max)

const placeOn = ({ gravity: name, x, y }: Asked, inner: { width: number; height: number }, outer: Picture) => {
  const { left, top } = offsetByGravity(name, { inner, outer })
  return {
    left: within(name.includes('east') ? left - x : left + x, outer.width - inner.width),
    top: within(name.includes('south') ? top - y : top + y, outer.height - inner.height),
  }
}

/** The inputs of a step beside the one before it, for keys and for whoever has to fetch them. */
export const secondOf = ({ op, params }: Step): Second | undefined =>
  op === 'composite' ? (params.second as unknown as Second | undefined) : undefined

/** Originals that a chain needs beside its own. What is still to be resolved names them too. */
export const secondOriginals = (chain: readonly Step[]): readonly Hex[] =>
  chain.flatMap(step => {
    const late = step.op === 'composite' ? (step.params.late as { second?: SecondPicture } | undefined) : undefined
    const found = secondOf(step)?.original ?? late?.second?.sha256
    return found === undefined ? [] : [found]
  })

const faded = async (pixels: Pixels, opacity: number): Promise<Pixels> => {
  const pipeline = openPixels(pixels)
  const paler =
    pixels.raw.channels === 4 ? pipeline.linear([1, 1, 1, opacity], [0, 0, 0, 0]) : pipeline.ensureAlpha(opacity)
  const { data, info } = await paler.raw().toBuffer({ resolveWithObject: true })
  return { data, raw: { width: info.width, height: info.height, channels: info.channels } }
}

export const composite = operation<Asked, Composite>({
  name: 'composite',
  epoch: EPOCH,
  place: 'stage',
  schema,
  spell: ({ second: _, ...spelled }) => spelled as JsonValue,
  idle: ({ opacity, scale }) => opacity === 0 || scale === 0,
  zoom: ({ x, y, density = 1, ...asked }, factor) => ({
    ...asked,
    x: Math.round(x * factor),
    y: Math.round(y * factor),
    density: density * factor,
  }),
  concretise: (asked, picture) => {
    const { second, opacity, blend } = asked
    if (second === undefined) throw new TypeError('Expected a recipe whose second pictures are pinned')
    const size = sizeOn(second, picture, asked)
    const params = {
      second: { original: second.sha256, chain: chainOf(second, size) },
      ...placeOn(asked, size, picture),
      opacity,
      blend,
    }
    return { steps: [{ op: 'composite', epoch: EPOCH, params }], picture }
  },
  apply: async (pipeline, { left, top, opacity, blend }, { raw }, second) => {
    if (second === undefined) throw new TypeError('Expected the pixels of the second picture')
    const { data, raw: size } = opacity === 1 ? second : await faded(second, opacity)
    const laid = pipeline.composite([{ input: data, raw: size, left, top, blend }])
    return raw.channels === 3 ? laid.removeAlpha() : laid
  },
})
