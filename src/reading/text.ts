/** Texts of strangers, made harmless: they end in files, answers and pages. */
import { isUtf8 } from 'node:buffer'

/** UTF-8 from today's software, Latin-1 from yesterday's. */
export const decodeText = (value: Uint8Array): string =>
  isUtf8(value) ? new TextDecoder().decode(value) : Buffer.from(value).toString('latin1')

/** Of one line; `undefined` where nothing is left. */
export const cleanText = (text: string, length: number): string | undefined => {
  const line = text
    // What is far beyond the length is not worth looking at.
    .slice(0, 8 * length)
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\ufffd]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return Array.from(line).slice(0, length).join('').trim() || undefined
}
