/** Readings as documents show them. */
import { z } from '@hono/zod-openapi'
import { readPaletteColumn } from '../manifest/looks.ts'
import type { Metadata } from '../manifest/original-metadata.ts'
import { BLOCKS, type Reading } from '../model/reading.ts'

const text = z.string().optional()
const number = z.number().optional()
const texts = z.array(z.string()).optional()

export const ReadingSchema = z
  .object({
    title: text,
    headline: text,
    description: text,
    keywords: texts,
    creators: texts,
    credit: text,
    source: text,
    copyright: text,
    usage_terms: text,
    rights_url: text,
    taken_at: z
      .string()
      .optional()
      .openapi({ description: 'ISO 8601, as exact as it is said', example: '2024-05-01T12:30:00+02:00' }),
    software: text,
    camera: z.object({ make: text, model: text }).optional(),
    lens: z.object({ make: text, model: text }).optional(),
    exposure: z
      .object({
        time: number,
        f_number: number,
        iso: number,
        focal_length: number,
        focal_length_35mm: number,
        bias: number,
        flash: z.boolean().optional(),
      })
      .optional()
      .openapi({ description: 'Seconds, millimetres, steps' }),
    position: z
      .object({ latitude: number, longitude: number, altitude: number })
      .optional()
      .openapi({ description: 'Degrees and metres' }),
    place: z.object({ sublocation: text, city: text, region: text, country: text, country_code: text }).optional(),
  })
  .openapi('Reading', {
    description: 'What the bytes say of themselves: texts of strangers, cut and without control characters',
  })

export const SwatchSchema = z
  .object({ colour: z.string().openapi({ example: '#4a6b8c' }), share: z.number() })
  .openapi('Swatch', { description: 'A colour, and how much of what can be seen is like it' })

/** Tells where somebody was, and often where somebody lives. */
const TELLING = ['position', 'place'] as const

/**
 * Where a picture was taken is for who may have the original, which says it anyway; derivatives are made without, and so is
 * what everybody else hears of it.
 */
export const shownReading = (reading: Reading, mayHaveOriginal: boolean): { reading: Reading; withheld: string[] } => {
  if (mayHaveOriginal) return { reading, withheld: [] }
  const { position: _position, place: _place, ...rest } = reading
  return { reading: rest, withheld: TELLING.filter(field => reading[field] !== undefined) }
}

/** What goes with a picture wherever it is shown: whose it is, and what it is called. */
const CREDIT = ['title', 'description', 'creators', 'credit', 'copyright', 'usage_terms', 'rights_url'] as const
type Credit = Pick<Reading, (typeof CREDIT)[number]>

export const creditOf = (reading: Reading): Credit | undefined => {
  const said = CREDIT.flatMap(field => (reading[field] === undefined ? [] : [[field, reading[field]]]))
  return said.length === 0 ? undefined : (Object.fromEntries(said) as Credit)
}

/** `undefined` before it has been looked at. */
export const coloursOf = (metadata: Metadata | undefined) =>
  metadata?.palette ? readPaletteColumn(metadata.palette) : undefined

export const presentBlocks = ({ sizes, kept }: Pick<Metadata, 'sizes' | 'kept'>) =>
  Object.fromEntries(
    BLOCKS.flatMap(name => {
      const bytes = sizes[name]
      return bytes === undefined ? [] : [[name, { bytes, kept: kept.includes(name) }]]
    }),
  )
