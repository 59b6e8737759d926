/**
 * The last steps of a chain: pixels to a file, with what it takes to make the file as small as was asked. A search is a bisection
 * over whole numbers with the same encoder, so that what it finds depends on the pixels and the settings alone.
 */
import sharp, { type Sharp } from 'sharp'
import type { Params, Step } from '../model/recipe.ts'
import { applyEncode, knobOf, QUALITIES, type Settings } from '../ops/encode.ts'
import { likeness } from '../ops/likeness.ts'
import { OUTPUT_LIMITS, refuseOutput } from '../ops/limits.ts'
import { type Film, joinFrames, openPixels, type Pixels } from '../ops/pixels.ts'
import { applyStep } from '../ops/registry.ts'
import { openOutput } from './output.ts'
import { StepFailure } from './step-failure.ts'

export interface Encoded {
  readonly data: Buffer
  readonly width: number
  readonly height: number
}

export interface EncodeRequest {
  readonly film: Film
  /** Ends with the encoder. */
  readonly steps: readonly Step[]
  readonly original: Uint8Array
  /** Sets the limit of time of a pipeline; throws when that of the whole is over. */
  readonly limit: (pipeline: Sharp) => Sharp
}

/** The last value that passes, of values of which each passes if the next one does. Of 100 values it tries 7. */
const last = async <T>(
  values: readonly number[],
  attempt: (value: number) => Promise<T | undefined>,
): Promise<T | undefined> => {
  let found: T | undefined
  for (let [from, to] = [0, values.length]; from < to; ) {
    const middle = Math.floor((from + to) / 2)
    const passed = await attempt(values[middle] ?? 0)
    if (passed === undefined) to = middle
    else {
      found = passed
      from = middle + 1
    }
  }
  return found
}

/** The lowest quality that comes near enough to the pixels, of which the first frame stands for all. */
const searchQuality = async ({ film, steps, limit }: EncodeRequest, target: number): Promise<number> => {
  const [pixels] = film.frames
  const settings = steps.at(-1)?.params ?? {}
  const isNear = async (quality: number): Promise<boolean> => {
    const encoded = await limit(applyEncode(openPixels(pixels), { ...settings, quality })).toBuffer()
    const pipeline = sharp(encoded).toColourspace('srgb').raw({ depth: 'uchar' })
    const { data, info } = await limit(pipeline).toBuffer({ resolveWithObject: true })
    const { width, height, channels } = info
    return likeness(pixels, { data, raw: { width, height, channels } }) >= target
  }
  const tooFar = await last(QUALITIES.slice(0, -1), async quality => ((await isNear(quality)) ? undefined : quality))
  return (tooFar ?? 0) + 1
}

/** All steps on all frames, with some settings changed. */
const encodeWith = async ({ film, steps, original, limit }: EncodeRequest, changed: Params): Promise<Encoded> => {
  const picture: Pixels = joinFrames(film)
  let pipeline = await openOutput(picture, steps, original)
  for (const step of steps) {
    const params = step.op === 'encode' ? { ...step.params, ...film.pace, ...changed } : step.params
    pipeline = await applyStep(pipeline, { ...step, params }, picture)
  }
  const { data, info } = await limit(pipeline).toBuffer({ resolveWithObject: true })
  return { data, width: info.width, height: info.pageHeight ?? info.height }
}

/** The best that fits of what is worse than asked; `undefined`: nothing does, or there is nothing to lower. */
const searchSmaller = async (request: EncodeRequest, asked: Settings, bytes: number): Promise<Encoded | undefined> => {
  const knob = knobOf(asked)
  return last(knob?.below ?? [], async value => {
    const made = await encodeWith(request, { [knob?.name ?? 'quality']: value })
    return made.data.length <= bytes ? made : undefined
  })
}

/** Throws `output-too-large` for what is over the limits of its format, or of the recipe however small it is made. */
export const encodeFilm = async (request: EncodeRequest): Promise<Encoded> => {
  const { film, steps } = request
  const settings = steps.at(-1)?.params as unknown as Settings
  const { format, targetQuality, maxBytes } = settings
  const refusal = refuseOutput(format, { ...film.frames[0].raw, frames: film.frames.length })
  if (refusal) throw new StepFailure(refusal.code)
  const found: Params = targetQuality === undefined ? {} : { quality: await searchQuality(request, targetQuality) }
  const first = await encodeWith(request, found)
  if (first.data.length <= (maxBytes ?? OUTPUT_LIMITS[format].bytes)) return first
  // Who named no limit did not ask for less quality either.
  const smaller = maxBytes && (await searchSmaller(request, { ...settings, ...found }, maxBytes))
  if (!smaller) throw new StepFailure('output-too-large')
  return smaller
}
