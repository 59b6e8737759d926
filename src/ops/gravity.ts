/** Where a small box sits in a large one. Offsets are whole pixels, so that placing is never resampling. */
import { z } from 'zod'

export const GRAVITIES = [
  'centre',
  'north',
  'northeast',
  'east',
  'southeast',
  'south',
  'southwest',
  'west',
  'northwest',
] as const
export type Gravity = (typeof GRAVITIES)[number]

export const gravity = z
  .enum([...GRAVITIES, 'center'])
  .transform((name): Gravity => (name === 'center' ? 'centre' : name))

/** A share of the side, kept in thousandths so that text and key do not depend on how a client prints fractions. */
export const share = z
  .number()
  .min(0)
  .max(1)
  .transform(value => Math.round(value * 1000) / 1000)
export const focal = z.strictObject({
  x: share.describe('Share of the width, from the left, 0 to 1.'),
  y: share.describe('Share of the height, from the top, 0 to 1.'),
})

/** Offset of a box on one axis with `slack` pixels to spare. */
const along = (name: Gravity, slack: number, { start, end }: { start: string; end: string }): number => {
  if (name.includes(start)) return 0
  return name.includes(end) ? slack : Math.floor(slack / 2)
}

interface Boxes {
  readonly inner: { readonly width: number; readonly height: number }
  readonly outer: { readonly width: number; readonly height: number }
}

export const offsetByGravity = (name: Gravity, { inner, outer }: Boxes): { left: number; top: number } => ({
  left: along(name, outer.width - inner.width, { start: 'west', end: 'east' }),
  top: along(name, outer.height - inner.height, { start: 'north', end: 'south' }),
})

const clamp = (value: number, max: number): number => Math.min(Math.max(value, 0), max)

/** The box centred on the focal point, pushed back inside where it would leave the picture. */
export const offsetByFocal = (
  point: { x: number; y: number },
  { inner, outer }: Boxes,
): { left: number; top: number } => ({
  left: clamp(Math.round(point.x * outer.width - inner.width / 2), outer.width - inner.width),
  top: clamp(Math.round(point.y * outer.height - inner.height / 2), outer.height - inner.height),
})
