/**
 * The demo set: three products that want overlapping and distinct renditions of two collections. Made through the API, by
 * `npm start` on an empty store and by `matrix seed`; every step may be repeated.
 */
export const DEMO_PRODUCTS = { 'shop-web': 'Web shop', mobile: 'Mobile app', 'partner-api': 'Partner API' } as const
type Product = keyof typeof DEMO_PRODUCTS

const READ = ['resolve', 'assets:read', 'events:read']
const WRITE = [...READ, 'assets:write', 'publish', 'share']
const SCOPES: Record<Product, readonly string[]> = { 'shop-web': WRITE, mobile: WRITE, 'partner-api': READ }

/** `shop-web/card` and `mobile/tile` are two names of one recipe. */
const CARD = { resize: { width: 400 }, formats: [{ format: 'jpeg', quality: 80 }] }
const hero = (width: number) => ({ resize: { width }, formats: ['avif', 'webp', 'jpeg'] })
const face = (side: number) => ({ resize: { width: side, height: side, fit: 'cover' }, formats: ['webp', 'jpeg'] })

interface DemoCollection {
  readonly owner: Product
  readonly grants: Partial<Record<Product, { readonly role: string; readonly original_access: boolean }>>
  readonly renditions: readonly (readonly [Product, string, object])[]
}

const COLLECTIONS: Readonly<Record<string, DemoCollection>> = {
  'product-photo': {
    owner: 'shop-web',
    grants: {
      mobile: { role: 'editor', original_access: true },
      'partner-api': { role: 'reader', original_access: false },
    },
    renditions: [
      ['shop-web', 'card', CARD],
      ['mobile', 'tile', CARD],
      ['shop-web', 'hero', hero(1600)],
      ['mobile', 'hero', hero(1200)],
      ['partner-api', 'feed', { resize: { width: 800 }, formats: [{ format: 'jpeg', quality: 80 }] }],
    ],
  },
  avatar: {
    owner: 'mobile',
    grants: { 'shop-web': { role: 'reader', original_access: false } },
    renditions: [
      ['mobile', 'face', face(128)],
      ['shop-web', 'face', face(128)],
      ['mobile', 'face-large', face(512)],
    ],
  },
}

/** One call as an administrator; rejects unless the answer is a success. */
export type Call = (method: string, path: string, body?: object) => Promise<unknown>

/** Resolves with a fresh key for each product. */
export const seedDemo = async (call: Call): Promise<Record<string, string>> => {
  const products = Object.keys(DEMO_PRODUCTS) as Product[]
  for (const product of products) await call('PUT', `/v1/products/${product}`, { display_name: DEMO_PRODUCTS[product] })
  for (const [collection, { owner, grants, renditions }] of Object.entries(COLLECTIONS)) {
    await call('PUT', `/v1/collections/${collection}`, { owner })
    for (const [product, grant] of Object.entries(grants))
      await call('PUT', `/v1/collections/${collection}/grants/${product}`, grant)
    for (const [product, name, recipe] of renditions) {
      await call('PUT', `/v1/collections/${collection}/products/${product}/renditions/${name}`, { recipe })
    }
  }
  const keys: Record<string, string> = {}
  for (const product of products) {
    const made = (await call('POST', `/v1/products/${product}/keys`, { label: 'demo', scopes: SCOPES[product] })) as {
      secret: string
    }
    keys[product] = made.secret
  }
  return keys
}
