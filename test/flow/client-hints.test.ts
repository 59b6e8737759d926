/** Hints of browsers: heeded on `auto` where a product says so, through lane and routes, and nowhere else. */
import sharp from 'sharp'
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
  await rendition('small', 100)
  await rendition('of-socket', 90)
  await rendition('of-process', 80)
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

const rendition = async (name: string, width: number): Promise<void> => {
  const path = `/v1/collections/product-photo/products/mobile/renditions/${name}`
  const body = { recipe: { resize: { width }, formats: ['webp'] } }
  await expectJson(inProcess('PUT', path, { key: ADMIN_KEY, body }), 201)
}

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
      expect(response.headers.get('vary')).toBe('Accept, Save-Data, Sec-CH-DPR, DPR')
    }
  })

  test('redirects heed it, too', async () => {
    await heed(true)
    const path = `/i/shop-web/${asset}/v1/lean.auto`
    const place = async (saveData?: string) => {
      const response = await ask(path, saveData, system.keys['shop-web'])
      expect(response.status).toBe(302)
      expect(response.headers.get('vary')).toBe('Accept, Authorization, Save-Data, Sec-CH-DPR, DPR')
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

  const widthFor = async (path: string, headers: Record<string, string> = {}) => {
    const send = transport === 'in process' ? inProcess : socket.send
    const response = await send('GET', path, { headers: { Accept: BROWSER, ...headers } })
    expect(response.status).toBe(200)
    const { width } = await sharp(Buffer.from(await response.arrayBuffer())).metadata()
    const of = (name: string) => response.headers.get(name)
    return { width, density: of('content-dpr'), kept: of('cache-control'), vary: of('vary'), asked: of('accept-ch') }
  }

  test('screens with more pixels get them once they are made, and what there is until then', async () => {
    await heed(true)
    const path = `/i/mobile/${asset}/v1/${transport === 'in process' ? 'of-process' : 'of-socket'}.auto`
    const { width: plain = 0 } = await widthFor(path)
    const names = { vary: 'Accept, Save-Data, Sec-CH-DPR, DPR', asked: 'Sec-CH-DPR, DPR' }
    const before = await widthFor(path, { 'Sec-CH-DPR': '2' })
    expect(before).toMatchObject({ width: plain, density: '1', ...names })
    expect(before.kept).toMatch(/^public, max-age=5,/)
    await settled(system)
    // Read, and then remembered; in turns.
    for (const [dpr, density] of [
      ['2', 2],
      ['2', 2],
      ['1', 1],
      ['2', 2],
    ] as const) {
      const after = await widthFor(path, { 'Sec-CH-DPR': dpr })
      expect(after).toMatchObject({ width: density * plain, density: String(density), ...names })
      expect(after.kept).toMatch(/immutable/)
    }
  })

  test('what they say is folded into few', async () => {
    await heed(true)
    const path = `/i/mobile/${asset}/v1/small.auto`
    for (const dpr of [1.5, 2, 3]) await inProcess('GET', path.replace('.auto', `@${dpr}x.auto`))
    await settled(system)
    for (const [headers, width] of [
      [{}, 100],
      [{ 'Sec-CH-DPR': '1.0' }, 100],
      [{ 'Sec-CH-DPR': '0.8' }, 100],
      [{ 'Sec-CH-DPR': '1.25' }, 150],
      [{ 'Sec-CH-DPR': '1.75' }, 200],
      [{ DPR: '2' }, 200],
      [{ 'Sec-CH-DPR': '2.625' }, 300],
      [{ 'Sec-CH-DPR': '9' }, 300],
      [{ 'Sec-CH-DPR': '1', DPR: '3' }, 100],
      [{ 'Sec-CH-DPR': 'two', DPR: '2' }, 200],
      [{ 'Sec-CH-DPR': '0' }, 100],
      [{ 'Sec-CH-DPR': '-2' }, 100],
      [{ 'Sec-CH-DPR': '2, 3' }, 100],
      [{ 'Sec-CH-DPR': '2', 'Save-Data': 'on' }, 100],
    ] as const) {
      const said = await widthFor(path, headers)
      expect([said.width, said.density], JSON.stringify(headers)).toEqual([width, String(width / 100)])
    }
  })

  test('what the original has not is not said to be there', async () => {
    await heed(true)
    const path = `/i/mobile/${asset}/v1/lean.auto`
    await inProcess('GET', path.replace('.auto', '@2x.auto'), { headers: { Accept: BROWSER } })
    await settled(system)
    expect(await widthFor(path, { 'Sec-CH-DPR': '2' })).toMatchObject({ width: 480, density: '1.6' })
  })

  test('a path that says for which screen, or in which format, is answered as it says', async () => {
    await heed(true)
    const path = `/i/mobile/${asset}/v1/small`
    await inProcess('GET', `${path}@2x.auto`)
    await settled(system)
    const hint = { 'Sec-CH-DPR': '3' }
    expect(await widthFor(`${path}@2x.auto`, hint)).toMatchObject({
      width: 200,
      density: null,
      asked: null,
      vary: 'Accept, Save-Data',
    })
    expect(await widthFor(`${path}.webp`, hint)).toMatchObject({ width: 100, density: null, vary: null })
  })

  test('nothing is heeded where the product does not say so', async () => {
    await heed(false)
    const response = await ask(`/i/mobile/${asset}/v1/lean.auto`, 'on')
    expect(await typeOf(response)).toBe('image/webp')
    expect(response.headers.get('vary')).toBe('Accept')
    const plain = await widthFor(`/i/mobile/${asset}/v1/small.auto`, { 'Sec-CH-DPR': '2' })
    expect(plain).toMatchObject({ width: 100, density: null, asked: null, vary: 'Accept' })
  })
})
