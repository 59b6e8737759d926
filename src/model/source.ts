/** By which way bytes came in. The same bytes by any of them are one original. */
export const ENTRANCES = ['direct', 'staged', 'tus', 'url', 'import', 'adapter'] as const
export type Entrance = (typeof ENTRANCES)[number]

export interface Source {
  readonly entrance: Entrance
  /** As the entrance names it: an address without its query, a line of an import, a source's own id. At most 1,024 characters. */
  readonly ref: string | undefined
}

export const DIRECT: Source = { entrance: 'direct', ref: undefined }
