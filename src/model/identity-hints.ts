/**
 * What a sender knows of the thing that bytes show, by which people tell it from others: `legacy_id`, `shot_at`, `photographer`. Kept
 * with the version, told to those who may write the asset, and forgotten with the version. Nothing is found by them: their keys
 * are names of kinds, and what they say is in no index, no event and no audit.
 */
export type IdentityHints = Readonly<Record<string, string>>

/** Has no place for an address or a number of a person. */
export const HINT_NAME = /^[a-z][a-z_]{0,39}$/
export const MAX_HINTS = 20
/** To be seen, in one line. */
export const HINT_TEXT = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]{1,500}$/u
