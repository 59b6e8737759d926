/**
 * The demo set: three products that want overlapping and distinct renditions of two collections. Made by `npm start` on an empty
 * store, by `matrix seed`, and by `matrix mock` where nothing else is said.
 */
import { applySet, type Call, type MatrixSet } from './matrix-set.ts'

export type { Call } from './matrix-set.ts'

const READ = ['resolve', 'assets:read', 'events:read']
const WRITE = [...READ, 'assets:write', 'publish', 'share']

/** `shop-web/card` and `mobile/tile` are two names of one recipe. */
const CARD = { recipe: { resize: { width: 400 }, formats: [{ format: 'jpeg', quality: 80 }] } }
const FEED = { recipe: { resize: { width: 800 }, formats: [{ format: 'jpeg', quality: 80 }] } }
const hero = (width: number) => ({ recipe: { resize: { width }, formats: ['avif', 'webp', 'jpeg'] } })
const face = (side: number) => ({
  recipe: { resize: { width: side, height: side, fit: 'cover' }, formats: ['webp', 'jpeg'] },
})

export const DEMO_PRODUCTS = { 'shop-web': 'Web shop', mobile: 'Mobile app', 'partner-api': 'Partner API' } as const

export const DEMO_SET: MatrixSet = {
  products: {
    'shop-web': { display_name: DEMO_PRODUCTS['shop-web'], scopes: WRITE },
    mobile: { display_name: DEMO_PRODUCTS.mobile, scopes: WRITE },
    'partner-api': { display_name: DEMO_PRODUCTS['partner-api'], scopes: READ },
  },
  collections: {
    'product-photo': {
      owner: 'shop-web',
      grants: {
        mobile: { role: 'editor', original_access: true },
        'partner-api': { role: 'reader', original_access: false },
      },
      renditions: {
        'shop-web': { card: CARD, hero: hero(1600) },
        mobile: { tile: CARD, hero: hero(1200) },
        'partner-api': { feed: FEED },
      },
    },
    avatar: {
      owner: 'mobile',
      grants: { 'shop-web': { role: 'reader', original_access: false } },
      renditions: {
        mobile: { face: face(128), 'face-large': face(512) },
        'shop-web': { face: face(128) },
      },
    },
  },
}

export const seedDemo = (call: Call): Promise<Record<string, string>> => applySet(call, DEMO_SET)
