/**
 * What a product lets browsers do, for refusals that are made before anything is read of it: a key that is none, a limit that is
 * full. Kept for a second, so that a flood of refusals is not one of questions; answers themselves bring it with their facts.
 */
import { LRUCache } from 'lru-cache'
import type { Gateway } from '../gateway.ts'
import { findBrowserRules } from '../manifest/products.ts'
import type { BrowserRules } from '../model/browser-rules.ts'
import { NAME_PATTERN } from '../model/ids.ts'

const KEPT_MS = 1_000
const KEPT_PRODUCTS = 1_000

export type KnownRules = (product: string | undefined) => Promise<BrowserRules | undefined>

/** Of the tenant of callers without a credential, for nobody is known yet. Never rejects. */
export const openKnownRules = ({ database, config }: Pick<Gateway, 'database' | 'config'>): KnownRules => {
  const known = new LRUCache<string, Promise<BrowserRules | undefined>>({ max: KEPT_PRODUCTS, ttl: KEPT_MS })
  return async product => {
    if (product === undefined || !NAME_PATTERN.test(product)) return undefined
    const found = known.get(product)
    if (found !== undefined) return found
    // The refusal is what the caller is to hear, not that nobody could look this up.
    const asked = findBrowserRules(database, config.tenant, product).catch(() => undefined)
    known.set(product, asked)
    return asked
  }
}
