/** What a request refers to has to be there; said in one way. */
import { findCollection } from '../manifest/collections.ts'
import type { Sql } from '../manifest/database.ts'
import { productExists } from '../manifest/products.ts'
import { refuse } from '../model/errors.ts'
import type { Collection } from '../model/product.ts'

/** Named by the path. Throws `not-found`. */
export const existingCollection = async (sql: Sql, tenant: string, collection: string): Promise<Collection> => {
  const found = await findCollection(sql, tenant, collection)
  if (!found) throw refuse('not-found', 'There is no such collection.')
  return found
}

/** Named by the body or for it. Throws `contract-violation`. */
export const requireProduct = async (
  sql: Sql,
  { tenant, product, pointer }: { tenant: string; product: string; pointer: string },
): Promise<void> => {
  if (await productExists(sql, tenant, product)) return
  throw refuse('contract-violation', 'The product does not exist.', {
    violations: [{ pointer, rule: 'exists', message: `There is no product ${product}.` }],
  })
}
