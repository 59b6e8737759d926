/** A picture for the first upload, computed and not shipped: hills under an evening sky, with grain, so that it weighs what photographs weigh. */
import { writeFile } from 'node:fs/promises'
import sharp from 'sharp'

const WIDTH = 1800
const HEIGHT = 1200

type Colour = readonly [number, number, number]
const SKY: Colour = [38, 70, 122]
const HORIZON: Colour = [246, 200, 146]
const SUN: Colour = [255, 246, 220]
/** From far to near: height of the ridge as a share of the picture, how rough it is, its colour. */
const HILLS: readonly { base: number; rough: number; colour: Colour }[] = [
  { base: 0.62, rough: 0.1, colour: [112, 124, 158] },
  { base: 0.74, rough: 0.06, colour: [66, 96, 86] },
  { base: 0.88, rough: 0.04, colour: [32, 54, 42] },
]

const ridge = (x: number, { base, rough }: { base: number; rough: number }): number =>
  base + rough * (Math.sin(x * 5 + base * 40) * 0.6 + Math.sin(x * 13 + base * 9) * 0.3 + Math.sin(x * 47) * 0.08)

const mix = (a: Colour, b: Colour, share: number, channel: 0 | 1 | 2): number =>
  a[channel] + (b[channel] - a[channel]) * share

const paint = (): Buffer => {
  const pixels = Buffer.allocUnsafe(WIDTH * HEIGHT * 3)
  let noise = 1
  for (let column = 0; column < WIDTH; column++) {
    const x = column / WIDTH
    const ridges = HILLS.map(hill => ridge(x, hill))
    for (let row = 0; row < HEIGHT; row++) {
      const y = row / HEIGHT
      const hill = HILLS[ridges.findLastIndex(height => y > height)]
      const glow = Math.max(0, 1 - Math.hypot((x - 0.68) * 1.5, y - 0.5) / 0.09)
      noise = (noise * 1_103_515_245 + 12_345) % 2_147_483_648
      const grain = (noise / 2_147_483_648 - 0.5) * 18
      for (const channel of [0, 1, 2] as const) {
        const sky = mix(SKY, HORIZON, Math.min(1, y / 0.65), channel)
        const light = hill ? hill.colour[channel] : sky + (SUN[channel] - sky) * Math.min(1, glow * 4)
        pixels[(row * WIDTH + column) * 3 + channel] = Math.max(0, Math.min(255, light + grain))
      }
    }
  }
  return pixels
}

export const drawSamplePhoto = async (file: string): Promise<void> =>
  writeFile(
    file,
    await sharp(paint(), { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
      .jpeg({ quality: 88 })
      .toBuffer(),
  )
