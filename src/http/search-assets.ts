/** A page of a search, for whoever asks. */
import type { Gateway } from '../gateway.ts'
import { findCollection } from '../manifest/collections.ts'
import { wordsOf } from '../manifest/search.ts'
import type { Asset } from '../model/asset.ts'
import { refuse, type Violation } from '../model/errors.ts'
import { listPermitted } from '../policy/list-permitted.ts'
import { searchPermitted } from '../policy/search.ts'
import { addressOf } from './address.ts'
import { type AssetQuery, filterOf, MOST_WORDS, readPlace, writePlace } from './asset-query.ts'
import type { MatrixContext } from './context.ts'

const noWords = (): Violation => ({
  pointer: '/text',
  rule: 'custom',
  message: `Expected letters or digits, in ${MOST_WORDS} words at most.`,
})

export const noCollection = (isHidden: boolean) =>
  refuse('not-found', 'There is no such collection for this product.', {
    ...(isHidden && { denied: { rule: 'no-grant' } }),
  })

/** A collection that is named is one that the caller may know of, in the words of every list of it. */
const requireKnown = async (gateway: Gateway, c: MatrixContext, collection: string): Promise<void> => {
  const principal = c.get('principal')
  const asked = { principal, product: principal.product ?? '', collection, address: addressOf(c) }
  const visible = await listPermitted(gateway, asked, { after: undefined, limit: 1 })
  if (visible === undefined || !(await findCollection(gateway.database, principal.tenant, collection)))
    throw noCollection(visible === undefined)
}

export const searchAssets = async (
  gateway: Gateway,
  c: MatrixContext,
  query: AssetQuery,
): Promise<{ assets: Asset[]; next_cursor?: string }> => {
  const { collection, sort, cursor, limit, text } = query
  const principal = c.get('principal')
  const after = readPlace(sort, cursor)
  if (collection !== undefined) await requireKnown(gateway, c, collection)
  const words = text === undefined ? [] : await wordsOf(gateway.database, text)
  if (text !== undefined && (words.length === 0 || words.length > MOST_WORDS))
    throw refuse('invalid-request', 'The query does not fit its schema.', { violations: [noWords()] })
  const asked = { principal, product: principal.product ?? '', address: addressOf(c) }
  const wish = { collection, filter: filterOf(query, words), sort, after, limit }
  const { assets, next } = await searchPermitted(gateway, asked, wish)
  return { assets, ...(next && { next_cursor: writePlace(sort, next) }) }
}
