/** Hints of browsers: heeded on `auto` where a product says so, through lane and routes, and nowhere else. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectJson, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let inProcess: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let asset: string
/** Of each format of hero. */
const sizes = new Map<string, number>()
beforeAll(async () => {
  system = await startSystem()
  inProcess = await openClient(system)
  socket = await openSocketClient(system)
  const edge = { role: 'editor', delivery: 'stream', visibility: 'public' }
  await expectJson(inProcess('PUT', '/v1/collections/product-photo/grants/mobile', { key: ADMIN_KEY, body: edge }), 200)
  // WebP that is larger than JPEG, so that what is best is not what is least.
  const recipe = {
    resize: { width: 300 },
    formats: [
      { format: 'webp', quality: 100 },
      { format: 'jpeg', quality: 30 },
    ],
  }
  for (const product of ['mobile', 'shop-web']) {
    const path = `/v1/collections/product-photo/products/${product}/renditions/lean`
    await expectJson(inProcess('PUT', path, { key: ADMIN_KEY, body: { recipe } }), 201)
  }
  asset = (await system.upload(await photo({ width: 480, height: 320 }))).asset
  await settled(system)
  for (const ext of ['webp', 'jpg']) {
    const { headers } = await inProcess('HEAD', `/i/mobile/${asset}/v1/lean.${ext}`)
    sizes.set(headers.get('content-type') ?? '', Number(headers.get('content-length')))
  }
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

const heed = async (client_hints: boolean): Promise<void> => {
  for (const product of ['mobile', 'shop-web'])
    await expectJson(
      inProcess('PUT', `/v1/products/${product}`, { key: ADMIN_KEY, body: { display_name: product, client_hints } }),
      200,
    )
}

const BROWSER = 'image/avif,image/webp,*/*'

describe.each(['in process', 'through a socket'] as const)('%s', transport => {
  const ask = (path: string, saveData?: string, key?: string) =>
    (transport === 'in process' ? inProcess : socket.send)('GET', path, {
      key,
      headers: { Accept: BROWSER, ...(saveData !== undefined && { 'Save-Data': saveData }) },
    })
  const typeOf = async (response: Response): Promise<string | null> => {
    await response.arrayBuffer()
    return response.headers.get('content-type')
  }

  test('who saves data gets the fewest bytes, and caches are told', async () => {
    expect(sizes.get('image/jpeg')).toBeLessThan(sizes.get('image/webp') ?? 0)
    await heed(true)
    const path = `/i/mobile/${asset}/v1/lean.auto`
    for (const [saveData, type] of [
      [undefined, 'image/webp'],
      ['on', 'image/jpeg'],
      ['ON', 'image/jpeg'],
      ['on; level=1', 'image/jpeg'],
      ['off', 'image/webp'],
      ['', 'image/webp'],
      ['only', 'image/webp'],
    ] as const) {
      const response = await ask(path, saveData)
      expect(await typeOf(response), saveData).toBe(type)
      expect(response.headers.get('vary')).toBe('Accept, Save-Data')
    }
  })

  test('redirects heed it, too', async () => {
    await heed(true)
    const path = `/i/shop-web/${asset}/v1/lean.auto`
    const place = async (saveData?: string) => {
      const response = await ask(path, saveData, system.keys['shop-web'])
      expect(response.status).toBe(302)
      expect(response.headers.get('vary')).toBe('Accept, Authorization, Save-Data')
      return response.headers.get('location')
    }
    const [best, least] = [await place(), await place('on')]
    expect(least).not.toBe(best)
    // Warm by now, and asked in turns.
    for (const [saveData, expected] of [
      [undefined, best],
      ['on', least],
      [undefined, best],
      ['off', best],
    ] as const)
      expect(await place(saveData)).toBe(expected)
  })

  test('what names its format, and what the API says, depends on no hint', async () => {
    await heed(true)
    for (const path of [`/i/mobile/${asset}/v1/lean.webp`, `/i/mobile/${asset}/current/lean.webp`]) {
      const response = await ask(path, 'on')
      expect(await typeOf(response)).toBe('image/webp')
      expect(response.headers.get('vary')).toBeNull()
    }
    const path = `/v1/products/mobile/assets/${asset}/renditions/lean`
    expect((await ask(path, 'on', system.keys.mobile)).headers.get('vary')).toBe('Accept, Authorization')
  })

  test('nothing is heeded where the product does not say so', async () => {
    await heed(false)
    const response = await ask(`/i/mobile/${asset}/v1/lean.auto`, 'on')
    expect(await typeOf(response)).toBe('image/webp')
    expect(response.headers.get('vary')).toBe('Accept')
  })
})
