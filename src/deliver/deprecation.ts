/**
 * What is said of a rendition that is to go. `Deprecation` is a date of RFC 9651 (RFC 9745 section 2.1), `Sunset` one of HTTP
 * (RFC 8594 section 3), both in whole seconds.
 */
import type { Deprecation } from '../model/deprecation.ts'

export const deprecationFields = ({ at, sunset }: Deprecation) => ({
  Deprecation: `@${Math.floor(at.getTime() / 1000)}`,
  Sunset: sunset.toUTCString(),
})

export const presentDeprecation = ({ at, sunset }: Deprecation) => ({
  since: at.toISOString(),
  sunset: sunset.toISOString(),
})

/** Of an answer that is made of several: since when the first of them is to go, and when the first of them does. */
export const firstDeprecation = (all: readonly Deprecation[]): Deprecation | undefined => {
  if (all.length === 0) return undefined
  const first = (dates: readonly Date[]): Date => new Date(Math.min(...dates.map(date => date.getTime())))
  return { at: first(all.map(({ at }) => at)), sunset: first(all.map(({ sunset }) => sunset)) }
}
