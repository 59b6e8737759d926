/**
 * `auto` becomes exactly one of the rendition's formats. Clients are folded into few classes, so that a cache keyed on `Accept`
 * needs three variants: those that name AVIF, those that name WebP, and the rest. A wildcard is not a promise to decode modern
 * formats (curl and old browsers send one), so it gets the fallback. A program that accepts JSON only asks on behalf of
 * somebody else and gets the product's own preference.
 */
import { type Format, MEDIA_TYPE } from '../model/recipe.ts'

/** Of a picture that moves the plan puts first what keeps it moving, so that GIF is what the rest get of it. */
const FALLBACK: readonly Format[] = ['jpeg', 'png', 'gif']

/** The rendition's formats that this client takes, best first. Empty: none of them is acceptable. */
export const acceptableFormats = (formats: readonly Format[], accept: string | undefined): readonly Format[] => {
  const header = accept?.toLowerCase() ?? '*/*'
  if (!header.includes('image/') && !header.includes('*/*')) return header.includes('json') ? formats : []
  const named = formats.filter(format => isAccepted(header, MEDIA_TYPE[format]))
  if (!header.includes('*/*') && !header.includes('image/*')) return named
  const modern = named.filter(format => !FALLBACK.includes(format))
  const fallback = formats.filter(format => FALLBACK.includes(format))
  const chosen = [...modern, ...fallback]
  return chosen.length > 0 ? chosen : formats
}

/** Named and not refused with `q=0` (RFC 9110 section 12.4.2). */
const isAccepted = (header: string, mediaType: string): boolean => {
  // `image/avif-sequence` is another type than `image/avif`.
  const range = header.split(',').find(part => part.split(';', 1)[0]?.trim() === mediaType)
  return range !== undefined && !/;\s*q=0(\.0*)?\s*$/.test(range)
}
