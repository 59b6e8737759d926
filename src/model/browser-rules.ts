/** What a product lets browsers do with its answers. */
export interface BrowserRules {
  /** Whose pages may read them; `['*']`: anybody's. */
  readonly origins: readonly string[]
  /** Delivery paths with `auto` heed what a browser says of its line. */
  readonly clientHints: boolean
}

export const ANY_ORIGIN = '*'

export const isAnyOrigin = ({ origins }: BrowserRules): boolean => origins[0] === ANY_ORIGIN

/** Only then does an answer depend on who asks from where. */
export const isListed = (rules: BrowserRules | undefined): boolean =>
  rules !== undefined && rules.origins.length > 0 && !isAnyOrigin(rules)

/** As a browser spells it in `Origin` (RFC 6454 section 6.2), and no other spelling: it is compared, not parsed. */
export const isOrigin = (text: string): boolean => {
  // Patterns are none: `*` may stand in a host, as far as URLs go.
  if (!/^https?:\/\/[a-z0-9.:[\]-]+$/.test(text) || !URL.canParse(text)) return false
  return new URL(text).origin === text
}
