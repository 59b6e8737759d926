/** A matrix as a document: products, collections, who may do what in them, and recipes. Made through the API; every step may be repeated. */
import { z } from 'zod'

/** What is in it is checked by the gateway, which knows; here it has to be of the right shape. */
export const MatrixSet = z.strictObject({
  products: z.record(
    z.string(),
    z.strictObject({ display_name: z.string().optional(), scopes: z.array(z.string()).readonly().optional() }),
  ),
  collections: z.record(
    z.string(),
    z.strictObject({
      owner: z.string(),
      /** By product, as `PUT /v1/collections/{c}/grants/{p}` takes them. */
      grants: z.record(z.string(), z.looseObject({ role: z.string() })).default({}),
      /** By product and name, as `PUT …/renditions/{name}` takes them. */
      renditions: z
        .record(
          z.string(),
          z.record(z.string(), z.strictObject({ recipe: z.looseObject({}), lane: z.string().optional() })),
        )
        .default({}),
    }),
  ),
})
export type MatrixSet = z.input<typeof MatrixSet>

const USUAL_SCOPES = ['resolve', 'assets:read', 'events:read', 'assets:write', 'publish', 'share']

/** One call as an administrator; rejects unless the answer is a success. */
export type Call = (method: string, path: string, body?: object) => Promise<unknown>

/** Resolves with a fresh key for each product. */
export const applySet = async (call: Call, { products, collections }: MatrixSet): Promise<Record<string, string>> => {
  for (const [product, { display_name = product }] of Object.entries(products))
    await call('PUT', `/v1/products/${product}`, { display_name })
  for (const [collection, { owner, grants = {}, renditions = {} }] of Object.entries(collections)) {
    await call('PUT', `/v1/collections/${collection}`, { owner })
    for (const [product, grant] of Object.entries(grants))
      await call('PUT', `/v1/collections/${collection}/grants/${product}`, grant)
    for (const [product, named] of Object.entries(renditions))
      for (const [name, body] of Object.entries(named))
        await call('PUT', `/v1/collections/${collection}/products/${product}/renditions/${name}`, body)
  }
  const keys: Record<string, string> = {}
  for (const [product, { scopes = USUAL_SCOPES }] of Object.entries(products)) {
    const made = await call('POST', `/v1/products/${product}/keys`, { label: 'demo', scopes })
    keys[product] = (made as { secret: string }).secret
  }
  return keys
}
