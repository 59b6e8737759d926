/** Attack T5: thousands of sizes of one asset. What can be asked for is what a product has named, so they come to nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectJson, expectRefusal, leavesNothing, openSocketClient, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { type System, startSystem } from '../support/system.ts'
import { query } from './intact.ts'

const SIZES = 10_000
const AT_ONCE = 50

let system: System
let client: Awaited<ReturnType<typeof openSocketClient>>
let asset: string
beforeAll(async () => {
  system = await startSystem()
  client = await openSocketClient(system)
  asset = (await system.upload(await photo({ width: 400, height: 300 }))).asset
  await settled(system)
})
afterAll(async () => {
  await client.close()
  await system.close()
})

const countNodes = async (): Promise<number> =>
  (await query<{ count: number }>(system.core, 'select count(*)::int as count from node'))[0]?.count ?? -1

describe('T5', () => {
  test('sizes in a URL name nothing, with a key or without', async () => {
    const before = await countNodes()
    await leavesNothing(system, async () => {
      for (let from = 1; from <= SIZES; from += AT_ONCE) {
        const statuses = await Promise.all(
          Array.from({ length: AT_ONCE }, async (_, index) => {
            const size = from + index
            const path = [`/i/shop-web/${asset}/v1/w${size}.jpg`, `/i/shop-web/${asset}/current/${size}x${size}.webp`][
              size % 2
            ]!
            const key = size % 4 < 2 ? system.keys['shop-web'] : undefined
            return (await client.send('GET', path, { key })).status
          }),
        )
        expect([...new Set(statuses)]).toEqual([404])
      }
    })
    expect(await countNodes()).toBe(before)
  }, 300_000)

  test('sizes in a query are refused', async () => {
    const path = `/v1/products/shop-web/assets/${asset}/renditions/card`
    await leavesNothing(system, async () => {
      for (const sizes of ['w=100', 'width=100', 'w=16000&format=avif', 'resize=100x100', 'w=100&w=200'])
        await expectRefusal(
          client.send('GET', `${path}?${sizes}`, { key: system.keys['shop-web'] }),
          400,
          'invalid-request',
        )
    })
  })

  test('and to name one takes a key that may write', async () => {
    const body = { recipe: { resize: { width: 17 }, formats: ['jpeg'] } }
    const path = '/v1/collections/product-photo/products/shop-web/renditions/w17'
    const made = await expectJson<{ secret: string }>(
      client.send('POST', '/v1/products/shop-web/keys', {
        key: 'admin-key-of-the-tests',
        body: { scopes: ['resolve'] },
      }),
      201,
    )
    await leavesNothing(system, async () => {
      await expectRefusal(client.send('PUT', path, { body }), 401, 'unauthenticated')
      await expectRefusal(client.send('PUT', path, { key: made.secret, body }), 403, 'forbidden')
    })
  })
})
