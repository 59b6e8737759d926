import { z } from 'zod'
import type { Params, Step } from '../model/recipe.ts'
import { anyColour } from './colour.ts'
import type { Region } from './crop.ts'
import { operation } from './operation.ts'
import type { Pixels } from './pixels.ts'

type Trim = { threshold: number; background?: string }
/** Of a picture that moves: what is not border in any frame. */
type Cut = Trim | (Region & Params)

const EPOCH = 1

const bytesOf = (colour: string): readonly number[] =>
  [1, 3, 5, 7].map(at => Number.parseInt(colour.slice(at, at + 2), 16))

/** Red, green, blue and alpha of the border: as asked, or that of the first pixel. */
const borderOf = ({ data, raw }: Pixels, background: string | undefined): readonly number[] =>
  background === undefined ? [...data.subarray(0, 3), raw.channels === 4 ? (data[3] ?? 255) : 255] : bytesOf(background)

/** All of the picture that is not border; `undefined` where there is nothing else. Reads little more than the border. */
const boundsOf = (pixels: Pixels, { threshold, background }: Trim): Region | undefined => {
  const { data, raw } = pixels
  const { width, height, channels } = raw
  const [red = 0, green = 0, blue = 0, alpha = 255] = borderOf(pixels, background)
  const isBorder = (x: number, y: number): boolean => {
    const at = (y * width + x) * channels
    const own = channels === 4 ? (data[at + 3] ?? 255) : 255
    // Two pixels that nobody sees are alike, whatever colour they hide.
    if (own <= threshold && alpha <= threshold) return true
    return (
      Math.abs(own - alpha) <= threshold &&
      Math.abs((data[at] ?? 0) - red) <= threshold &&
      Math.abs((data[at + 1] ?? 0) - green) <= threshold &&
      Math.abs((data[at + 2] ?? 0) - blue) <= threshold
    )
  }
  const isBorderRow = (y: number, from: number, to: number): boolean => {
    for (let x = from; x < to; x++) if (!isBorder(x, y)) return false
    return true
  }
  const isBorderColumn = (x: number, from: number, to: number): boolean => {
    for (let y = from; y < to; y++) if (!isBorder(x, y)) return false
    return true
  }
  let [left, top, right, bottom] = [0, 0, width, height]
  while (top < bottom && isBorderRow(top, 0, width)) top++
  if (top === bottom) return undefined
  while (isBorderRow(bottom - 1, 0, width)) bottom--
  while (isBorderColumn(left, top, bottom)) left++
  while (isBorderColumn(right - 1, top, bottom)) right--
  return { left, top, width: right - left, height: bottom - top }
}

/** All that is not border in any of the frames; everything where there is nothing but border. */
const contentOfAll = (frames: readonly Pixels[], asked: Trim): Region => {
  const [raw] = frames.map(frame => frame.raw)
  const regions = frames.flatMap(frame => boundsOf(frame, asked) ?? [])
  if (regions.length === 0) return { left: 0, top: 0, width: raw?.width ?? 0, height: raw?.height ?? 0 }
  const [left, top] = [Math.min(...regions.map(region => region.left)), Math.min(...regions.map(region => region.top))]
  const right = Math.max(...regions.map(region => region.left + region.width))
  const bottom = Math.max(...regions.map(region => region.top + region.height))
  return { left, top, width: right - left, height: bottom - top }
}

export const contentOf = (pixels: Pixels, asked: Trim): Region => contentOfAll([pixels], asked)

/** Cuts off a border of one colour. How much that is only the pixels can tell. */
export const trim = operation<Trim, Cut>({
  name: 'trim',
  epoch: EPOCH,
  place: 'stage',
  schema: z.strictObject({
    threshold: z
      .int()
      .min(0)
      .max(255)
      .default(10)
      .describe('How far a level may be from the border and still be border.'),
    background: anyColour.optional().describe('Colour of the border; that of the top left pixel unless given.'),
  }),
  idle: ({ threshold }) => threshold === 255,
  concretise: ({ threshold, background }, picture) => {
    const step: Step = { op: 'trim', epoch: EPOCH, params: { threshold, ...(background && { background }) } }
    return { steps: [step], picture: { ...picture, sized: false } }
  },
  settle: (asked, frames) => ({ ...contentOfAll(frames, asked as Trim) }),
  apply: (pipeline, how, pixels) => pipeline.extract('left' in how ? how : contentOf(pixels, how)),
})
