/** A picture for each operation, for docs/operations.md: what is asked of which drawing. */
import type { Sharp } from 'sharp'
import type { OperationName } from '../../src/ops/registry.ts'
import { paint, storedAs } from './images.ts'

const WIDTH = 240
const HEIGHT = 160

type Rgb = readonly [number, number, number]
const mix = (from: Rgb, to: Rgb, share: number): number[] => from.map((value, i) => value + (to[i]! - value) * share)

/** A house on a hill, a tree and an evening sun. */
const scene = (px: number, py: number): number[] => {
  const [x, y] = [px / WIDTH, py / HEIGHT]
  const inHouse = x > 0.58 && x < 0.78 && y > 0.5 && y < 0.74
  const inRoof = y > 0.38 && y <= 0.5 && Math.abs(x - 0.68) < (y - 0.36) * 0.9
  const isWindow = Math.abs(x - 0.63) < 0.025 && Math.abs(y - 0.58) < 0.035
  const isDoor = Math.abs(x - 0.72) < 0.022 && y > 0.6 && y < 0.74
  if (isWindow) return [255, 236, 150]
  if (isDoor) return [92, 58, 40]
  if (inHouse) return [226, 206, 180]
  if (inRoof) return [176, 62, 48]
  if (Math.hypot((x - 0.2) * 1.5, y - 0.52) < 0.13) return [44 + 60 * x, 108 + 30 * Math.sin(px / 3), 52]
  if (Math.abs(x - 0.2) < 0.012 && y > 0.52 && y < 0.76) return [88, 60, 40]
  const hill = 0.7 + 0.06 * Math.sin(x * 5)
  if (y > hill) return mix([120, 164, 74], [56, 104, 60], (y - hill) * 3)
  if (y > 0.62 + 0.05 * Math.sin(x * 9 + 2)) return [104, 132, 128]
  const sun = Math.hypot((x - 0.42) * 1.5, y - 0.3)
  if (sun < 0.075) return [255, 232, 168]
  return mix(
    mix([86, 140, 206], [250, 196, 150], Math.min(1, y * 1.4)) as unknown as Rgb,
    [255, 226, 180],
    Math.max(0, 0.5 - sun),
  )
}

const drawing = (at: (x: number, y: number) => readonly number[]): Sharp => paint({ width: WIDTH, height: HEIGHT }, at)

const SOURCES = {
  plain: () => drawing(scene),
  /** Held sideways by the camera. */
  turned: () => storedAs(drawing(scene), 6),
  framed: () => drawing((x, y) => (x < 30 || y < 20 || x >= 210 || y >= 140 ? [236, 236, 240] : scene(x, y))),
  dull: () => drawing((x, y) => scene(x, y).map(value => 90 + value * 0.3)),
  specked: () => drawing((x, y) => ((x * 7919 + y * 104_729) % 37 === 0 ? [255, 255, 255] : scene(x, y))),
  cutout: () => drawing((x, y) => [...scene(x, y), Math.hypot(x - WIDTH / 2, (y - HEIGHT / 2) * 1.4) < 105 ? 255 : 0]),
} satisfies Record<string, () => Sharp | Promise<Sharp>>

export interface Sample {
  readonly source?: keyof typeof SOURCES
  readonly recipe: Readonly<Record<string, unknown>>
}

/** An operation without a sample does not compile. */
export const SAMPLES: Readonly<Record<OperationName, Sample>> = {
  orient: { source: 'turned', recipe: { orient: 'exif' } },
  trim: { source: 'framed', recipe: { trim: {} } },
  crop: { recipe: { crop: { ratio: '1:1', gravity: 'attention' } } },
  resize: { recipe: { resize: { width: 120, height: 120, fit: 'cover', focal: { x: 0.68, y: 0.5 } } } },
  pad: { recipe: { pad: { top: 12, right: 12, bottom: 36, left: 12, background: '#222222' } } },
  rotate: { recipe: { rotate: { angle: -8, background: '#00000000' } } },
  flip: { recipe: { flip: 'horizontal' } },
  median: { source: 'specked', recipe: { median: 3 } },
  blur: { recipe: { blur: 4 } },
  sharpen: { recipe: { sharpen: { sigma: 2, jagged: 6 } } },
  normalise: { source: 'dull', recipe: { normalise: {} } },
  gamma: { recipe: { gamma: 1.8 } },
  modulate: { recipe: { modulate: { saturation: 1.6, hue: 40 } } },
  tint: { recipe: { tint: '#c08a50' } },
  grayscale: { recipe: { grayscale: true } },
  threshold: { recipe: { threshold: { value: 140 } } },
  round: { recipe: { round: 40 } },
  composite: {
    recipe: {
      composite: { asset: '00000000-0000-7000-8000-000000000000', gravity: 'southeast', x: 10, y: 10, opacity: 0.8 },
    },
  },
  flatten: { source: 'cutout', recipe: { flatten: { background: '#ffd75f' } } },
  icc: { recipe: { icc: 'keep' } },
  metadata: { recipe: { metadata: 'copyright' } },
}

/** What `composite` lays on: a round badge with a star. */
export const drawBadge = (): Promise<Buffer> =>
  paint({ width: 56, height: 56 }, (x, y) => {
    const [dx, dy] = [x - 27.5, y - 27.5]
    const isStar = Math.hypot(dx, dy) < 11 + 7 * Math.cos(5 * (Math.atan2(dy, dx) + Math.PI / 2))
    const rgb = isStar ? [255, 255, 255] : [28, 60, 120]
    return [...rgb, Math.hypot(dx, dy) < 27 ? 255 : 0]
  })
    .png()
    .toBuffer()

/** The file that a sample is made of. */
export const drawSample = async ({ source = 'plain' }: Sample): Promise<Buffer> =>
  (await SOURCES[source]()).png().toBuffer()
