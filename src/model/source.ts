/** By which way bytes came in. The same bytes by any of them are one original. */
export const ENTRANCES = ['direct', 'staged', 'tus', 'url', 'import', 'adapter'] as const
export type Entrance = (typeof ENTRANCES)[number]

export interface Source {
  readonly entrance: Entrance
  /** As the entrance names it: an address without its query, a line of an import, a source's own id. At most 1,024 characters. */
  readonly ref: string | undefined
}

export const DIRECT: Source = { entrance: 'direct', ref: undefined }

/**
 * How far bytes are trusted for where they come from: 3, somebody who is known sent them; 2, he named who did; 0 to 3, what a
 * source of another system has been given.
 */
export type Trust = 0 | 1 | 2 | 3

/** Where nothing else was noted down. */
export const trustOf = (entrance: Entrance): Trust => (entrance === 'url' ? 2 : 3)

/** What is known of a version's way in beyond its `Source`. */
export interface Provenance {
  /** Name of the source that an adapter reads. */
  readonly source: string | undefined
  readonly trust: Trust
  /** As its server or its payload put it: for people, never for decisions. */
  readonly hints: Readonly<Record<string, unknown>>
}
