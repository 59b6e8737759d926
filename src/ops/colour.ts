/** Colours are written `#rgb`, `#rrggbb` or `#rrggbbaa`; canonical is lower case with every digit. */
import { z } from 'zod'

const widen = (colour: string): string => (colour.length === 4 ? colour.replace(/[0-9a-f]/g, '$&$&') : colour)

export const opaqueColour = z
  .string()
  .regex(/^#(?:[0-9a-f]{3}|[0-9a-f]{6})$/i, 'Expected #rgb or #rrggbb')
  .transform(colour => widen(colour.toLowerCase()))

export const anyColour = z
  .string()
  .regex(/^#(?:[0-9a-f]{3}|[0-9a-f]{6}|[0-9a-f]{8})$/i, 'Expected #rgb, #rrggbb or #rrggbbaa')
  .transform(colour => widen(colour.toLowerCase()).padEnd(9, 'f'))

export const isOpaque = (colour: string): boolean => colour.length < 9 || colour.endsWith('ff')
