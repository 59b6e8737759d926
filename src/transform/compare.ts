/** Two derivatives of one wish, side by side: in figures (75 ms of CPU a megapixel), and as a picture. Runs in a decode process. */
import sharp from 'sharp'
import { sha256Hex } from '../lib/canonical.ts'
import type { Difference } from '../model/engine.ts'
import { likeness } from '../ops/likeness.ts'
import { openPixels, type Pixels } from '../ops/pixels.ts'
import type { Order, Report } from './decode-protocol.ts'
import { DEFAULT_INPUT_LIMITS } from './limits.ts'

/** The name of a task's only step. */
export const COMPARE = 'compare'

/** Rows that are looked at together: what a comparison holds beside the pixels does not grow with the picture. */
const STRIP = 512
/** Of one of the three pictures. */
const SIDE = 800
const GAP = 8
/** A difference of 16 levels is white. */
const AMPLIFIED = 16

const decode = async (bytes: Uint8Array, { softMs }: Order): Promise<Pixels> => {
  const { data, info } = await sharp(bytes, {
    limitInputPixels: DEFAULT_INPUT_LIMITS.maxTotalPixels,
    failOn: 'warning',
    animated: true,
  })
    .timeout({ seconds: Math.ceil(softMs / 1000) })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  return { data, raw: { width: info.width, height: info.height, channels: 4 } }
}

const strip = ({ data, raw }: Pixels, top: number): Pixels => {
  const height = Math.min(STRIP, raw.height - top)
  const row = raw.width * 4
  return { data: data.subarray(top * row, (top + height) * row), raw: { ...raw, height } }
}

/** Other sizes are as different as can be. */
const OTHER_SIZE: Difference = { ssim: 0, largest: 255 }

const differenceOf = (a: Pixels, b: Pixels): Difference => {
  if (a.raw.width !== b.raw.width || a.raw.height !== b.raw.height) return OTHER_SIZE
  let largest = 0
  for (let at = 0; at < a.data.length; at++) {
    const difference = Math.abs((a.data[at] ?? 0) - (b.data[at] ?? 0))
    if (difference > largest) largest = difference
  }
  if (largest === 0) return { ssim: 1, largest }
  let sum = 0
  for (let top = 0; top < a.raw.height; top += STRIP) {
    const one = strip(a, top)
    sum += likeness(one, strip(b, top)) * one.raw.height
  }
  return { ssim: sum / a.raw.height, largest }
}

/** Where they differ, brighter the more; nothing to see where sizes differ. */
const amplify = (a: Pixels, b: Pixels): Pixels => {
  const data = Buffer.alloc(a.data.length, 255)
  if (a.data.length === b.data.length) {
    for (let at = 0; at < a.data.length; at++) {
      if (at % 4 !== 3) data[at] = Math.min(255, Math.abs((a.data[at] ?? 0) - (b.data[at] ?? 0)) * AMPLIFIED)
    }
  }
  return { data, raw: a.raw }
}

/** old | new | difference. */
const draw = async (a: Pixels, b: Pixels): Promise<Buffer> => {
  const shrunk = await Promise.all(
    [a, b, amplify(a, b)].map(async pixels => {
      const pipeline = openPixels(pixels).resize({ width: SIDE, height: SIDE, fit: 'inside', withoutEnlargement: true })
      const { data, info } = await pipeline.png().toBuffer({ resolveWithObject: true })
      return { data, width: info.width, height: info.height }
    }),
  )
  const height = Math.max(...shrunk.map(picture => picture.height))
  const places = shrunk.map((_, at) => shrunk.slice(0, at).reduce((left, { width }) => left + width + GAP, 0))
  const width = shrunk.reduce((sum, picture) => sum + picture.width, GAP * (shrunk.length - 1))
  return sharp({ create: { width, height, channels: 4, background: '#808080' } })
    .composite(shrunk.map(({ data }, at) => ({ input: data, left: places[at] ?? 0, top: 0 })))
    .png()
    .toBuffer()
}

/** Figures, then the picture where one was asked for. */
const write = ({ ssim, largest }: Difference, picture: Buffer): Buffer => {
  const figures = Buffer.alloc(FIGURES)
  figures.writeDoubleLE(ssim)
  figures.writeUInt8(largest, 8)
  return Buffer.concat([figures, picture])
}
const FIGURES = 9

export const readComparison = (written: Buffer): Difference & { readonly picture: Buffer } => ({
  ssim: written.readDoubleLE(),
  largest: written.readUInt8(8),
  picture: written.subarray(FIGURES),
})

/** The two files are the original of the order and its one second. */
export const isComparison = ({ tasks }: Order): boolean => tasks[0]?.chain[0]?.op === COMPARE

/** Reports its only task, as `done` or as `failed`. */
export const runComparison = async (order: Order, report: (report: Report) => void): Promise<void> => {
  const [task] = order.tasks
  const [against] = Object.values(order.seconds ?? {})
  if (!task || !against) throw new Error('A comparison takes one task and two files')
  report({ kind: 'started', ids: [task.id] })
  const cpu = process.cpuUsage()
  const pair = await Promise.all([decode(order.original, order), decode(against, order)]).catch(() => undefined)
  if (!pair) return report({ kind: 'failed', ids: [task.id], code: 'corrupt-media' })
  const wantsPicture = task.chain.at(-1)?.params.picture === true
  const bytes = write(differenceOf(...pair), wantsPicture ? await draw(...pair) : Buffer.alloc(0))
  const { user, system } = process.cpuUsage(cpu)
  const cpuMs = (user + system) / 1000
  const { width, height } = pair[0].raw
  report({
    kind: 'done',
    result: { id: task.id, bytes, sha256: sha256Hex(bytes), width, height, cpuMs, aloneCpuMs: cpuMs },
  })
}
