import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type System, startSystem } from '../support/system.ts'

interface Resolution {
  digest: string
  delivery: { url: string }
}

let system: System
beforeAll(async () => {
  system = await startSystem()
})
afterAll(() => system.close())

test('a photograph goes from upload to two products, and what both want is computed once', async () => {
  const { keys } = system
  const photo = await sharp({
    create: {
      width: 900,
      height: 600,
      channels: 3,
      background: '#336699',
      noise: { type: 'gaussian', mean: 128, sigma: 30 },
    },
  })
    .jpeg()
    .toBuffer()
  const { asset } = await system.upload(photo)
  const ask = (product: 'shop-web' | 'mobile', rendition: string) =>
    system.call('GET', `/v1/products/${product}/assets/${asset}/renditions/${rendition}`, {
      key: keys[product],
      headers: { Accept: 'application/json', Prefer: 'wait=10' },
    })
  const card = (await (await ask('shop-web', 'card')).json()) as Resolution
  const tile = (await (await ask('mobile', 'tile')).json()) as Resolution
  expect(card).toMatchObject({ state: 'ready', media_type: 'image/jpeg', width: 400, shared_with: 1 })
  expect(tile.digest).toBe(card.digest)
  const bytes = await fetch(card.delivery.url)
  expect(bytes.status).toBe(200)
  expect(await sharp(Buffer.from(await bytes.arrayBuffer())).metadata()).toMatchObject({ format: 'jpeg', width: 400 })
})
