import type { Hex } from './ids.ts'

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue }
export type Params = Readonly<Record<string, JsonValue>>

/** Formats that a rendition may ask for, in the order in which `auto` prefers smaller bytes. */
export const FORMATS = ['avif', 'webp', 'jpeg', 'png', 'gif'] as const
export type Format = (typeof FORMATS)[number]

export const MEDIA_TYPE: Readonly<Record<Format, string>> = {
  avif: 'image/avif',
  webp: 'image/webp',
  jpeg: 'image/jpeg',
  png: 'image/png',
  gif: 'image/gif',
}

/** File extensions of delivery URLs; `jpg` is an alias that is folded when the URL is parsed. */
export const EXTENSION: Readonly<Record<Format, string>> = {
  avif: 'avif',
  webp: 'webp',
  jpeg: 'jpg',
  png: 'png',
  gif: 'gif',
}

/** Formats in which a picture that moves goes on moving; in the others its first frame stands for it. */
export const MOVING: readonly Format[] = ['webp', 'gif']

/** One operation with all its parameters, defaults filled in, nothing relative left: what is hashed and what is run. */
export interface Step {
  readonly op: string
  /** Raised by hand when the pixels that this operation produces change. */
  readonly epoch: number
  readonly params: Params
}

/** An output of a recipe: which encoder with which settings, and whether a publish waits for it. */
export interface Output {
  readonly format: Format
  readonly required: boolean
  readonly params: Params
}

/**
 * What a product asks for, canonical: defaults filled, stages in order, operations of a stage in the fixed order of the
 * registry. Two spellings of one wish are the same value.
 */
export interface Recipe {
  readonly stages: readonly (readonly { readonly op: string; readonly params: Params }[])[]
  readonly outputs: readonly Output[]
}

/**
 * A leaf of the graph, resolved against one original: the chain of steps from the original's bytes to the derivative's.
 * `keys[i]` identifies what exists after `chain[i]`; the last one is the node's own key. Equal prefixes are shared work.
 */
export interface PlannedNode {
  readonly key: Hex
  readonly original: Hex
  readonly chain: readonly Step[]
  readonly keys: readonly Hex[]
  readonly format: Format
  /** Absent where only the pixels tell. */
  readonly width?: number
  readonly height?: number
}
