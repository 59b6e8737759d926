/** What stands between two steps: upright 8-bit sRGB, three channels, or four with alpha. Nothing else survives a step. */
import sharp, { type CreateRaw, type Sharp } from 'sharp'

export interface Pixels {
  readonly data: Buffer
  readonly raw: CreateRaw
}

export const openPixels = ({ data, raw }: Pixels): Sharp => sharp(data, { raw })

/** How long each frame is shown, in milliseconds, and how often all of them; 0: for ever. */
export interface Pace {
  readonly delay: readonly number[]
  readonly loop: number
}

/**
 * One picture, or the frames of one that moves: of one size, whole, in the order in which they are shown. The engine would keep
 * them as one tall picture and forget where one ends, so each walks the chain by itself.
 */
export interface Film {
  readonly frames: readonly [Pixels, ...Pixels[]]
  /** Of what moves only. */
  readonly pace?: Pace
}

/** All frames one under the other, as one picture. */
export const tallOf = ({ frames }: Film): Pixels => {
  const [first] = frames
  if (frames.length === 1) return first
  const raw = { ...first.raw, height: first.raw.height * frames.length }
  return { data: Buffer.concat(frames.map(({ data }) => data)), raw }
}

/** What an encoder takes: a tall picture that says where its frames end. */
export const joinFrames = (film: Film): Pixels => {
  const { data, raw } = tallOf(film)
  return film.frames.length === 1 ? { data, raw } : { data, raw: { ...raw, pageHeight: film.frames[0].raw.height } }
}

/** The frames of a tall picture, without copying. */
export const splitFrames = ({ data, raw }: Pixels, count: number): Film['frames'] => {
  const { width, channels } = raw
  const height = raw.height / count
  const bytes = width * height * channels
  const frame = (index: number): Pixels => ({
    data: data.subarray(index * bytes, (index + 1) * bytes),
    raw: { width, height, channels },
  })
  return [frame(0), ...Array.from({ length: count - 1 }, (_, index) => frame(index + 1))]
}

/** Makes pixels of a pipeline, within the limits of whoever runs it. */
export type Render = (pipeline: Sharp) => Promise<Pixels>

/** One after the other: as many pixels are in flight as one frame has. */
export const mapFrames = async (
  { frames: [first, ...others], ...film }: Film,
  make: (frame: Pixels) => Promise<Pixels>,
): Promise<Film> => {
  const made: [Pixels, ...Pixels[]] = [await make(first)]
  for (const frame of others) made.push(await make(frame))
  return { ...film, frames: made }
}
