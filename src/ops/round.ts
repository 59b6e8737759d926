import { z } from 'zod'
import type { Step } from '../model/recipe.ts'
import { MAX_SIDE, zoomSide } from './limits.ts'
import { operation } from './operation.ts'
import { openPixels, type Pixels } from './pixels.ts'

type Asked = { radius: number | 'max' }
type Round = { radius: number }

const EPOCH = 1

/** How much of a pixel lies inside: its distance from the arc, a pixel wide. */
const coverage = (
  x: number,
  y: number,
  { width, height, radius }: { width: number; height: number; radius: number },
) => {
  const across = Math.max(radius - (x + 0.5), x + 0.5 - (width - radius), 0)
  const down = Math.max(radius - (y + 0.5), y + 0.5 - (height - radius), 0)
  if (across === 0 || down === 0) return 1
  return Math.min(1, Math.max(0, radius + 0.5 - Math.sqrt(across * across + down * down)))
}

/** The same pixels with alpha, and nothing outside the arcs. */
const rounded = ({ data, raw }: Pixels, radius: number): Pixels => {
  const { width, height, channels } = raw
  const out = Buffer.alloc(width * height * 4)
  for (let y = 0; y < height; y++) {
    const isStraight = y >= radius && y < height - radius
    for (let x = 0; x < width; x++) {
      const [from, to] = [(y * width + x) * channels, (y * width + x) * 4]
      const alpha = channels === 4 ? (data[from + 3] ?? 255) : 255
      out[to] = data[from] ?? 0
      out[to + 1] = data[from + 1] ?? 0
      out[to + 2] = data[from + 2] ?? 0
      out[to + 3] = isStraight ? alpha : Math.round(alpha * coverage(x, y, { width, height, radius }))
    }
  }
  return { data: out, raw: { width, height, channels: 4 } }
}

/** Rounds the corners off; what is outside is transparent. */
export const round = operation<Asked, Round>({
  name: 'round',
  epoch: EPOCH,
  place: 'stage',
  schema: z
    .union([z.int().min(0).max(MAX_SIDE), z.literal('max')])
    .describe('Radius of the corners in pixels; `max`: half the shorter side, a circle of a square.')
    .transform(radius => ({ radius })),
  spell: ({ radius }) => radius,
  idle: ({ radius }) => radius === 0,
  zoom: ({ radius }, factor) => ({ radius: radius === 'max' ? radius : zoomSide(radius, factor) }),
  concretise: (asked, picture) => {
    const max = Math.floor(Math.min(picture.width, picture.height) / 2)
    const radius = asked.radius === 'max' ? max : Math.min(asked.radius, max)
    if (radius === 0) return { steps: [], picture }
    const step: Step = { op: 'round', epoch: EPOCH, params: { radius } }
    return { steps: [step], picture: { ...picture, hasAlpha: true } }
  },
  apply: (_, { radius }, pixels) => openPixels(rounded(pixels, radius)),
})
