/** How an image looks before it is there. */
export interface Look {
  /** Base64 of a ThumbHash: shape and colours in about 25 bytes. */
  readonly thumbhash: string
  /** The colour that most of it has: `#rrggbb`. */
  readonly colour: string
}

/** One of the colours of a picture, and how much of what can be seen is like it: 0 to 1. */
export interface Swatch {
  readonly colour: string
  readonly share: number
}

/** `pending`: there is none yet and there may be one; `undefined`: there will be none. */
export type LookState = Look | 'pending' | undefined

/** As documents show it. */
export const placeholderOf = (look: LookState): Look | undefined => (look === 'pending' ? undefined : look)

/** Looks at one original that may be begun: a death of the decoder counts, as with nodes. */
export const MAX_LOOKS = 2
