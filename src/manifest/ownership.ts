/** The matrix as a whole, for people: who was given what in which collection, and what was said of single assets beside it. */
import type { AssetEdge } from '../model/product.ts'
import type { Sql } from './database.ts'

export interface SingleAssets {
  readonly collection: string
  readonly product: string
  readonly role: AssetEdge['role']
  readonly assets: number
}

const SINGLE_ASSETS = {
  name: 'asset_edges_counted',
  text: `select a.collection_id as collection, s.product_id as product, s.role, count(*)::int as assets
         from asset_edge s join asset a on a.tenant_id = s.tenant_id and a.asset_id = s.asset_id
         where s.tenant_id = $1 and a.collection_id = any($2)
         group by 1, 2, 3 order by 1, 2, 3`,
}

/** How many assets of these collections have an edge of their own, by product and role. */
export const countAssetEdges = (sql: Sql, tenant: string, collections: readonly string[]): Promise<SingleAssets[]> =>
  sql.rows<SingleAssets>(SINGLE_ASSETS, [tenant, collections])

const PRODUCTS_OF_ASSET = {
  name: 'asset_products',
  text: `select e.product_id as product from edge e join asset a on a.tenant_id = e.tenant_id and a.collection_id = e.collection_id
         where a.tenant_id = $1 and a.asset_id = $2
         union select s.product_id from asset_edge s where s.tenant_id = $1 and s.asset_id = $2
         order by 1`,
}

/** Those of whom anything was said that is about the asset. */
export const productsOfAsset = async (sql: Sql, tenant: string, asset: string): Promise<string[]> =>
  (await sql.rows<{ product: string }>(PRODUCTS_OF_ASSET, [tenant, asset])).map(({ product }) => product)
