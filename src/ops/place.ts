/** What a recipe may say about where a box sits, the same words in `crop` and in `resize`. */
import { z } from 'zod'
import { FOCUSES, type Focus } from './focus.ts'
import { focal, GRAVITIES, type Gravity, gravity } from './gravity.ts'

/** The focal point of the asset; where there is none, attention. */
export const AUTO = 'auto'
export type Auto = typeof AUTO

/** Where a box sits in a picture. */
export type Place = { gravity: Gravity | Focus | Auto } | { focal: { x: number; y: number } }

export const isFocus = (name: string): name is Focus => FOCUSES.some(focus => focus === name)
/** Said by a picture and not by a place in it. */
export const isOfPicture = (name: string): name is Focus | Auto => isFocus(name) || name === AUTO

export const placing = {
  gravity: z
    .union([gravity, z.enum([...FOCUSES, AUTO, 'focal'])])
    .optional()
    .describe(
      `Which part is kept: ${GRAVITIES.join(', ')}, auto (the focal point of the asset; where nobody has said one, attention), focal, attention (detail, colour and skin) or entropy (most information).`,
    ),
  focal: focal.optional().describe('The point that is kept in sight.'),
}

/** Adds a violation at a parameter. */
export type Complain = (key: string, message: string) => never

/** `undefined` where nothing was said. */
export const readPlace = (
  raw: { gravity?: Gravity | Focus | Auto | 'focal' | undefined; focal?: { x: number; y: number } | undefined },
  complain: Complain,
): Place | undefined => {
  if (raw.gravity === 'focal' && !raw.focal) return complain('focal', 'Expected a point')
  if (raw.focal && raw.gravity !== undefined && raw.gravity !== 'focal') {
    return complain('gravity', 'Expected `focal` beside a focal point')
  }
  if (raw.focal) return { focal: raw.focal }
  return raw.gravity === undefined || raw.gravity === 'focal' ? undefined : { gravity: raw.gravity }
}
