/** What the bytes of an original say of themselves: blocks as they stand in the file, and a reading of them in one shape. */

/** Kept as they are, each up to `MAX_BLOCK_BYTES`. */
export const BLOCKS = ['exif', 'iptc', 'xmp'] as const
export type Block = (typeof BLOCKS)[number]

/**
 * A camera writes 20 KB of EXIF with its thumbnail, a program some 100 KB of XMP with all that was ever done to a picture. What is
 * larger is in the original all the same; here it would be a way to fill a database by uploads.
 */
export const MAX_BLOCK_BYTES = 1024 ** 2

/** A colour profile, by what it says of itself. */
export interface IccProfile {
  readonly name?: string
  /** As the profile spells it, without padding: `RGB`, `CMYK`, `GRAY`, `Lab`. */
  readonly space: string
  readonly version: string
  readonly bytes: number
}

export interface Blocks {
  readonly kept: Readonly<Partial<Record<Block, Uint8Array>>>
  /** Bytes of each block that there is, kept or not. */
  readonly sizes: Readonly<Partial<Record<Block, number>>>
  readonly icc: IccProfile | undefined
}

/** Where the camera stood. */
export interface Position {
  /** Degrees, south and west below zero. */
  readonly latitude?: number
  readonly longitude?: number
  /** Metres over the sea. */
  readonly altitude?: number
}

/** The same in words, or what it shows. */
export interface Place {
  readonly sublocation?: string
  readonly city?: string
  readonly region?: string
  readonly country?: string
  readonly country_code?: string
}

export interface Exposure {
  /** Seconds. */
  readonly time?: number
  readonly f_number?: number
  readonly iso?: number
  /** Millimetres. */
  readonly focal_length?: number
  readonly focal_length_35mm?: number
  /** Steps. */
  readonly bias?: number
  readonly flash?: boolean
}

/** All of it from strangers: texts are cut and have no control characters, and nothing of it is checked against anything. */
export interface Reading {
  readonly title?: string
  readonly headline?: string
  readonly description?: string
  readonly keywords?: readonly string[]
  readonly creators?: readonly string[]
  readonly credit?: string
  readonly source?: string
  readonly copyright?: string
  readonly usage_terms?: string
  readonly rights_url?: string
  /** ISO 8601, as exact as it is said, with an offset where one is said: `2024-05-01`, `2024-05-01T12:30:00.25+02:00`. */
  readonly taken_at?: string
  readonly software?: string
  readonly camera?: { readonly make?: string; readonly model?: string }
  readonly lens?: { readonly make?: string; readonly model?: string }
  readonly exposure?: Exposure
  readonly position?: Position
  readonly place?: Place
}
export type ReadingField = keyof Reading

/** Which block each field was taken from. */
export type ReadingSources = Readonly<Partial<Record<ReadingField, Block>>>

export interface ReadBlocks {
  readonly reading: Reading
  readonly sources: ReadingSources
}
