/** Which pages may read, time and embed what a product answers: by its `origins`, on every kind of answer, through lane and routes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import { expectJson, expectRefusal, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, requestOf, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const SHOP = 'https://shop.example'
const OTHER = 'https://other.example'
const ELSEWHERE = 'https://elsewhere.example'

let system: System
let inProcess: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let asset: string
beforeAll(async () => {
  system = await startSystem()
  inProcess = await openClient(system)
  socket = await openSocketClient(system)
  const edge = { role: 'editor', original_access: true, delivery: 'stream', visibility: 'public' }
  await expectJson(inProcess('PUT', '/v1/collections/product-photo/grants/mobile', { key: ADMIN_KEY, body: edge }), 200)
  asset = (await system.upload(await photo({ width: 480, height: 320 }))).asset
  await settled(system)
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

const allow = (product: string, rules: object) =>
  inProcess('PUT', `/v1/products/${product}`, { key: ADMIN_KEY, body: { display_name: product, ...rules } })

const FIELDS = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'timing-allow-origin',
  'cross-origin-resource-policy',
] as const
const said = ({ headers }: Response) => Object.fromEntries(FIELDS.map(name => [name, headers.get(name)]))
const variesBy = ({ headers }: Response): string[] => (headers.get('vary') ?? '').split(', ').filter(Boolean)

interface Ask {
  readonly path: string
  readonly key?: string
  readonly headers?: Record<string, string>
  /** Then it is a POST. */
  readonly body?: object
}

const NOBODY = '01936f3e-8c1a-7c4e-9b0d-3f1f5a0b6c11'
const picturePath = () => `/v1/products/shop-web/assets/${asset}/picture`
const many = (id: string) => ({
  path: '/v1/products/shop-web/resolve/batch',
  body: { items: [{ asset: id, rendition: 'card' }] },
})

/** Of both products every kind of answer: those with bytes from mobile, the others from shop-web. */
const ASKS: readonly (readonly [what: string, status: number, () => Ask])[] = [
  ['bytes', 200, () => ({ path: `/i/mobile/${asset}/v1/tile.jpg` })],
  ['a part', 206, () => ({ path: `/i/mobile/${asset}/v1/tile.jpg`, headers: { Range: 'bytes=0-9' } })],
  ['nothing new', 304, () => ({ path: `/i/mobile/${asset}/v1/tile.jpg`, headers: { 'If-None-Match': '*' } })],
  ['another state', 412, () => ({ path: `/i/mobile/${asset}/v1/tile.jpg`, headers: { 'If-Match': '"x"' } })],
  ['a part outside', 416, () => ({ path: `/i/mobile/${asset}/v1/tile.jpg`, headers: { Range: 'bytes=9999999-' } })],
  ['an original', 200, () => ({ path: `/i/mobile/${asset}/v1/original`, key: system.keys.mobile })],
  ['a redirect', 302, () => ({ path: `/i/shop-web/${asset}/v1/card.jpg`, key: system.keys['shop-web'] })],
  ['a document', 200, () => ({ ...document, key: system.keys['shop-web'] })],
  [
    'a document that is not new',
    304,
    () => ({ ...document, key: system.keys['shop-web'], headers: { ...document.headers, 'If-None-Match': '*' } }),
  ],
  ['a picture', 200, () => ({ path: `${picturePath()}?renditions=card`, key: system.keys['shop-web'] })],
  [
    'a picture that is not new',
    304,
    () => ({
      path: `${picturePath()}?renditions=card`,
      key: system.keys['shop-web'],
      headers: { 'If-None-Match': '*' },
    }),
  ],
  ['a picture of nothing', 404, () => ({ path: `${picturePath()}?renditions=none`, key: system.keys['shop-web'] })],
  ['a picture, no key', 401, () => ({ path: `${picturePath()}?renditions=card` })],
  ['many', 200, () => ({ ...many(asset), key: system.keys['shop-web'] })],
  ['many of nothing', 200, () => ({ ...many(NOBODY), key: system.keys['shop-web'] })],
  ['many, no key', 401, () => many(asset)],
  ['what is pending', 202, () => ({ path: `/i/mobile/${asset}/v1/later.webp`, headers: { Prefer: 'wait=0' } })],
  ['nothing there', 404, () => ({ path: `/i/mobile/${asset}/v1/nothing.jpg` })],
  ['what is hidden', 404, () => ({ path: `/i/shop-web/${asset}/v1/card.jpg` })],
  ['no such format', 406, () => ({ path: `/i/mobile/${asset}/v1/hero.auto`, headers: { Accept: 'image/tiff' } })],
  ['a bad parameter', 400, () => ({ path: `/i/mobile/${asset}/v1/tile.jpg?x=1` })],
  ['a key that is none', 401, () => ({ path: `/i/mobile/${asset}/v1/tile.jpg`, key: 'garbage' })],
  ['no key', 401, () => ({ path: document.path })],
]
const UNREAD = new Set(['a bad parameter', 'a key that is none', 'no key', 'a picture, no key', 'many, no key'])
const document = {
  get path() {
    return `/v1/products/shop-web/assets/${asset}/renditions/card`
  },
  headers: { Accept: 'application/json' },
}

describe.each(['in process', 'through a socket'] as const)('%s', transport => {
  const ask = async ({ path, key, headers, body }: Ask, origin?: string) => {
    const send = transport === 'in process' ? inProcess : socket.send
    const response = await send(body === undefined ? 'GET' : 'POST', path, {
      key,
      body,
      headers: { ...headers, ...(origin !== undefined && { Origin: origin }) },
    })
    await response.arrayBuffer()
    return response
  }
  const later = async () => {
    // One that nobody has asked for yet, so that it is pending.
    const recipe = { resize: { width: 100 + Math.floor(performance.now() % 1000) }, formats: ['webp'] }
    const path = '/v1/collections/product-photo/products/mobile/renditions/later'
    const made = await inProcess('PUT', path, { key: ADMIN_KEY, body: { recipe, lane: 'lazy' } })
    expect([200, 201]).toContain(made.status)
  }
  const allowBoth = async (rules: object) => {
    for (const product of ['mobile', 'shop-web']) await expectJson(allow(product, rules), 200)
    await later()
  }
  /** Refusals that nothing is read for know within a second what a product says. */
  const known = (expected: (response: Response) => boolean) =>
    until('refusals know the rules', async () => {
      for (const [what, , of] of ASKS) if (UNREAD.has(what) && !expected(await ask(of(), SHOP))) return false
      return true
    })

  test('where a product says nothing, nothing is said', async () => {
    await allowBoth({})
    await known(response => !response.headers.has('timing-allow-origin'))
    for (const [what, status, of] of ASKS)
      for (const origin of [undefined, SHOP]) {
        const response = await ask(of(), origin)
        if (what !== 'what is pending') expect(response.status, what).toBe(status)
        expect(Object.values(said(response)), what).toEqual([null, null, null, null])
        expect(variesBy(response), what).not.toContain('Origin')
      }
  })

  test('where it says anybody, anybody may, and no answer varies by who asks', async () => {
    await allowBoth({ origins: ['*'] })
    await known(({ headers }) => headers.get('timing-allow-origin') === '*')
    for (const [what, status, of] of ASKS)
      for (const origin of [undefined, SHOP, 'null']) {
        const response = await ask(of(), origin)
        if (what !== 'what is pending') expect(response.status, what).toBe(status)
        expect(said(response), what).toEqual({
          'access-control-allow-origin': '*',
          'access-control-allow-credentials': null,
          'timing-allow-origin': '*',
          'cross-origin-resource-policy': 'cross-origin',
        })
        expect(variesBy(response), what).not.toContain('Origin')
        expect(response.headers.get('access-control-expose-headers')).toContain('Matrix-Publication')
      }
  })

  test('where it has a list, those on it may, and every answer varies by who asks', async () => {
    await allowBoth({ origins: [SHOP, OTHER] })
    await known(({ headers }) => headers.get('timing-allow-origin') === `${SHOP}, ${OTHER}`)
    for (const [what, status, of] of ASKS)
      for (const origin of [undefined, SHOP, OTHER, ELSEWHERE, 'null', `${SHOP}.evil.example`]) {
        const response = await ask(of(), origin)
        if (what !== 'what is pending') expect(response.status, what).toBe(status)
        const isOn = origin === SHOP || origin === OTHER
        expect(said(response), `${what} ${origin}`).toEqual({
          'access-control-allow-origin': isOn ? origin : null,
          'access-control-allow-credentials': null,
          'timing-allow-origin': `${SHOP}, ${OTHER}`,
          'cross-origin-resource-policy': 'cross-origin',
        })
        expect(variesBy(response), what).toContain('Origin')
      }
  })
})

test('who is sent on to the one spelling may follow, whatever a product says, for that asks nobody', async () => {
  for (const rules of [{}, { origins: [SHOP] }]) {
    await expectJson(allow('mobile', rules), 200)
    for (const product of ['mobile', 'nobody']) {
      const response = await inProcess('GET', `/i/${product}/${asset}/v01/tile.jpeg`, {
        headers: { Origin: ELSEWHERE },
      })
      expect(response.status).toBe(308)
      expect(said(response)).toEqual({
        'access-control-allow-origin': '*',
        'access-control-allow-credentials': null,
        'timing-allow-origin': '*',
        'cross-origin-resource-policy': 'cross-origin',
      })
      expect(variesBy(response)).toEqual([])
    }
  }
})

test('who is sent on to a side on the ladder may follow where the product says so', async () => {
  const edge = { role: 'editor', delivery: 'stream', visibility: 'public', ad_hoc: {} }
  await expectJson(inProcess('PUT', '/v1/collections/product-photo/grants/mobile', { key: ADMIN_KEY, body: edge }), 200)
  await expectJson(allow('mobile', { origins: [SHOP] }), 200)
  for (const origin of [SHOP, ELSEWHERE]) {
    const response = await inProcess('GET', `/i/mobile/${asset}/v1/x/w_123.webp`, { headers: { Origin: origin } })
    expect(response.status).toBe(308)
    expect(said(response)['access-control-allow-origin']).toBe(origin === SHOP ? SHOP : null)
    expect(variesBy(response)).toEqual(['Origin'])
  }
})

test('a change reaches every gateway with the next answer, however warm it is', async () => {
  const other = createApp(openGateway(system.core))
  const apps = [system.app, other]
  const path = `/i/mobile/${asset}/v1/tile.jpg`
  const answers = (): Promise<(string | null)[]> =>
    Promise.all(
      apps.map(async app => {
        const response = await app.request(path, requestOf('HEAD', { headers: { Origin: SHOP } }))
        return response.headers.get('access-control-allow-origin')
      }),
    )
  const isHeld = async (): Promise<void> => {
    for (const app of apps) {
      const { headers } = await app.request(path, requestOf('HEAD', {}))
      expect(headers.get('cache-status')).toBe('asset-matrix; hit')
    }
  }
  for (const [origins, expected] of [
    [['*'], '*'],
    [[SHOP], SHOP],
    [[OTHER], null],
    [[], null],
    [[OTHER, SHOP], SHOP],
  ] as const) {
    await expectJson(allow('mobile', { origins }), 200)
    expect(await answers()).toEqual([expected, expected])
    await isHeld()
  }
})

test('other changes of a product leave what gateways keep alone', async () => {
  const path = `/i/mobile/${asset}/v1/tile.jpg`
  const status = async () => (await inProcess('HEAD', path)).headers.get('cache-status')
  await expectJson(allow('mobile', { origins: [SHOP] }), 200)
  await status()
  expect(await status()).toBe('asset-matrix; hit')
  await expectJson(allow('mobile', { origins: [SHOP], share: 7 }), 200)
  expect(await status()).toBe('asset-matrix; hit')
})

test('a preflight says of each document how it is asked for', async () => {
  for (const [path, method] of [
    [picturePath(), 'GET'],
    ['/v1/products/shop-web/resolve/batch', 'POST'],
  ] as const)
    for (const send of [inProcess, socket.send]) {
      const response = await send('OPTIONS', path, { headers: { Origin: ELSEWHERE } })
      expect(response.status).toBe(204)
      expect(response.headers.get('access-control-allow-methods')).toBe(method)
      expect(response.headers.get('allow')).toBe(`${method}, OPTIONS`)
      for (const name of ['Authorization', 'Content-Type', 'Prefer'])
        expect(response.headers.get('access-control-allow-headers')).toContain(name)
    }
})

test('a preflight says the same to everybody, of products that there are and of others', async () => {
  const paths = [
    document.path,
    `/i/mobile/${asset}/v1/tile.jpg`,
    `/i/nobody/${asset}/v1/tile.jpg`,
    `/s/a.1.b/i/mobile/${asset}/v1/tile.jpg`,
    `/share/x/i/mobile/${asset}/v1/tile.jpg`,
  ]
  for (const send of [inProcess, socket.send])
    for (const path of paths)
      for (const origin of [SHOP, ELSEWHERE]) {
        const headers = {
          Origin: origin,
          'Access-Control-Request-Method': 'GET',
          'Access-Control-Request-Headers': 'authorization,range',
        }
        const response = await send('OPTIONS', path, { headers })
        expect(response.status).toBe(204)
        expect(response.headers.get('access-control-allow-origin')).toBe('*')
        expect(response.headers.get('access-control-allow-methods')).toBe('GET, HEAD')
        for (const name of ['Authorization', 'Range', 'If-None-Match', 'Prefer'])
          expect(response.headers.get('access-control-allow-headers')).toContain(name)
        expect(response.headers.get('access-control-allow-credentials')).toBeNull()
      }
})

describe('the list', () => {
  test.each([
    [['shop.example']],
    [['https://shop.example/']],
    [['https://shop.example/path']],
    [['https://SHOP.example']],
    [['https://shop.example:443']],
    [['https://user@shop.example']],
    [['https://*.shop.example']],
    [['ftp://shop.example']],
    [['null']],
    [['']],
    [['*', SHOP]],
    [[SHOP, SHOP]],
    [['https://shop.example\r\nX: y']],
    [Array.from({ length: 21 }, (_, i) => `https://${i}.example`)],
    ['*'],
  ])('%j is refused', async origins => {
    await expectRefusal(allow('mobile', { origins }), 422, 'contract-violation')
  })

  test('is shown, and what is not said is not there', async () => {
    const show = () => expectJson(inProcess('GET', '/v1/products/mobile', { key: ADMIN_KEY }), 200)
    const origins = ['http://localhost:3000', 'https://xn--bcher-kva.example', 'https://[2001:db8::1]:8443']
    await expectJson(allow('mobile', { origins }), 200)
    expect(await show()).toMatchObject({ origins })
    await expectJson(allow('mobile', {}), 200)
    expect(await show()).not.toHaveProperty('origins')
  })
})
