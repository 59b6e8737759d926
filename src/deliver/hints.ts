/**
 * What a browser says of its screen and its line, folded into few variants: each is one more copy in every cache. `Width` is not
 * heeded: it is the width of a picture in one layout, hundreds of values that only a ladder of sizes would fold, and a page that
 * knows its layout says it better with `srcset` and `sizes`.
 */
export interface Hints {
  /** The user asks for little. */
  readonly saveData: boolean
}

/** `Save-Data: on` (https://wicg.github.io/savedata/#save-data-request-header-field). */
export const readHints = (saveData: string | readonly string[] | undefined): Hints => ({
  saveData: typeof saveData === 'string' && /^\s*on\s*(?:;|$)/i.test(saveData),
})
