/** Attacks T2 and T4: numbers that are none, and names that are paths, on every route and every parameter that there is. */
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectJson, expectRefusal, leavesNothing, openClient, openSocketClient, type Send } from '../support/http.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let send: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let asset: string
beforeAll(async () => {
  system = await startSystem({ worker: false })
  send = await openClient(system)
  socket = await openSocketClient(system)
  asset = (await system.upload(Buffer.from('a text'))).asset
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

const RENDITION = '/v1/collections/product-photo/products/shop-web/renditions/other'
const put = (recipe: unknown) => send('PUT', RENDITION, { key: system.keys['shop-web'], body: { recipe } })

describe('T2: numbers', () => {
  const BAD = [0, -1, 1e9, 1.5, '100', '', null, true, [], {}, [100], 16_385, Number.MAX_SAFE_INTEGER, -0.5]
  const formats = ['jpeg']
  const recipes: readonly (readonly [string, (value: unknown) => unknown])[] = [
    ['width', value => ({ resize: { width: value }, formats })],
    ['w', value => ({ resize: { w: value }, formats })],
    ['height', value => ({ resize: { width: 10, height: value }, formats })],
    ['crop', value => ({ crop: { left: 0, top: 0, width: value, height: 10 }, formats })],
    ['quality', value => ({ formats: [{ format: 'jpeg', quality: value }] })],
    ['quality of AVIF', value => ({ formats: [{ format: 'avif', quality: value }] })],
    ['effort', value => ({ formats: [{ format: 'webp', effort: value === 0 ? -1 : value }] })],
    [
      'focal point',
      value => ({
        resize: { width: 10, height: 10, fit: 'cover', focal: { x: value === 0 ? -1 : value, y: 2 } },
        formats,
      }),
    ],
  ]

  test.each(recipes)('%s', async (_name, recipe) => {
    await leavesNothing(system, async () => {
      for (const value of BAD) {
        const problem = await expectRefusal(put(recipe(value)), 422, 'invalid-recipe')
        for (const { pointer } of problem.errors as { pointer: string }[]) expect(pointer).toMatch(/^\//)
      }
    })
  })

  test('that JSON has not', async () => {
    const texts = ['NaN', 'Infinity', '-Infinity', '0x10', '01', '.5', '1e999']
    await leavesNothing(system, async () => {
      for (const number of texts) {
        const body = `{"recipe":{"resize":{"width":${number}},"formats":["jpeg"]}}`
        const options = { key: system.keys['shop-web'], body, headers: { 'Content-Type': 'application/json' } }
        const response = await send('PUT', RENDITION, options)
        expect(response.status, number).toBe(422)
      }
    })
  })

  test('that ask for more than can be done', async () => {
    await leavesNothing(system, async () => {
      for (const recipe of [
        { resize: { width: 16_000, height: 16_000 }, formats: ['avif'] },
        { resize: { width: 4_097 }, formats: ['jpeg'] },
        { resize: { width: 2_049 }, formats: ['avif'] },
        { stages: Array.from({ length: 5 }, () => ({ resize: { width: 100 } })), formats },
        { stages: Array.from({ length: 100_000 }, () => ({})), formats },
        { formats: Array.from({ length: 1000 }, () => 'jpeg') },
        { formats: [] },
        { formats: 'jpeg' },
        { resize: { width: 10 } },
        { resize: { width: 10, colour: 'red' }, formats },
        { explode: {}, formats },
        { constructor: {}, formats },
        { __proto__x: {}, formats },
        { pad: { width: 10, height: 10, background: '\u0000' }, formats },
        { flatten: { background: 'url(http://x)' }, formats },
      ])
        await expectRefusal(put(recipe), 422, 'invalid-recipe')
    })
  })

  test('nested as deep as it goes', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
    const options = { key: system.keys['shop-web'], headers: { 'Content-Type': 'application/json' } }
    await leavesNothing(system, async () => {
      const body = `{"recipe":{"resize":${deep},"formats":["jpeg"]}}`
      await expectRefusal(send('PUT', RENDITION, { ...options, body }), 422, 'invalid-recipe')
      const outside = `{"recipe":{"formats":["jpeg"]},"lane":${deep}}`
      await expectRefusal(send('PUT', RENDITION, { ...options, body: outside }), 422, 'contract-violation')
    })
  })
})

const NAMES = [
  '..',
  '.',
  '../x',
  '..%2f',
  '..%2F..%2Fetc%2Fpasswd',
  '%2e%2e',
  '%252e%252e%252f',
  '%2F',
  'a%2Fb',
  'a//b',
  '%00',
  'card%00.jpg',
  '%0d%0aSet-Cookie:%20a=b',
  '%E0%A4%A',
  '%',
  '%ff%fe',
  '%ED%A0%80',
  'caf%C3%A9',
  'cafe%CC%81',
  'CARD',
  ' ',
  "'",
  '%27%20or%201%3D1%20--',
  '%3Cscript%3E',
  '__proto__',
  '-1',
  'NaN',
  '{{7*7}}',
  'x'.repeat(5_000),
]

/** A body that would do, were the path what it should be. */
const BODIES: Readonly<Record<string, object>> = {
  'PUT /v1/products/:product': { display_name: 'x' },
  'POST /v1/products/:product/keys': {},
  'POST /v1/products/:product/resolve/explain': { asset: crypto.randomUUID(), rendition: 'card' },
  'PUT /v1/collections/:collection': { owner: 'mobile' },
  'PUT /v1/collections/:collection/grants/:product': { role: 'reader' },
  'PUT /v1/collections/:collection/products/:product/renditions/:name': { recipe: { formats: ['jpeg'] } },
  'POST /v1/assets/:asset/publish': { version: 1 },
  'POST /v1/assets/:asset/rollback': {},
}

/** What a path needs beside the parameter that is attacked. */
const good = (name: string): string =>
  ({
    asset: asset,
    product: 'shop-web',
    collection: 'product-photo',
    rendition: 'card',
    name: 'card',
    version: '1',
    file: 'card.jpg',
    key: 'key_x',
    code: 'not-found',
  })[name] ?? name

describe('T4: names', () => {
  const attack = (ask: Send, method: string, route: string, path: string) => {
    const body = BODIES[`${method} ${route}`]
    return ask(method, path, { key: ADMIN_KEY, headers: { 'If-Match': '*' }, ...(body && { body }) })
  }

  test('none of them is a parameter of any route, and all are refused alike', async () => {
    // A preflight is answered alike whatever is named.
    const routes = system.app.routes.filter(
      ({ path, method }) => path.includes(':') && method !== 'ALL' && method !== 'OPTIONS',
    )
    const unique = [
      ...new Map(
        routes.map(({ method, path }) => [`${method} ${path}`, { method, path: path.replace(/\{[^}]*\}/g, '') }]),
      ).values(),
    ]
    expect(unique.length).toBeGreaterThan(15)
    await leavesNothing(system, async () => {
      for (const { method, path: route } of unique) {
        const parameters = [...route.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
        for (const attacked of parameters) {
          for (const name of NAMES) {
            // A number may be a version that is not there; the rest of what is tried cannot be anything.
            const path = route.replace(/:(\w+)/g, (_all, parameter) =>
              parameter === attacked ? name : encodeURIComponent(good(parameter)),
            )
            // What a client rewrites before it asks is another question.
            if (new URL(path, 'http://gateway').pathname !== path.split('?', 1)[0]) continue
            const response = await attack(send, method, route, path)
            // Of a path that is not what was signed nothing else is said.
            const signed = route.startsWith('/s/') ? [403] : []
            // Whether there is a source is told to whom it has a secret with.
            const hooks = route.startsWith('/v1/ingest/') ? [401] : []
            const expected = [400, 404, ...signed, ...hooks]
            expect(expected, `${method} ${path.slice(0, 120)}`).toContain(response.status)
          }
        }
      }
    })
  }, 240_000)

  test('twins of a name are different names', async () => {
    for (const twin of [
      'produc%C2%ADt-photo',
      'Product-Photo',
      'product-photo%20',
      'product%2Dphoto%00',
      'ｐroduct-photo',
    ])
      await expectRefusal(send('GET', `/v1/assets?collection=${twin}`, { key: ADMIN_KEY }), 400, 'invalid-request')
    // An escape that is not needed is the same name, for the permission and for the answer.
    const escaped = `/v1/collections/product%2Dphoto/matrix`
    expect((await expectJson(send('GET', escaped, { key: ADMIN_KEY }), 200)).collection).toBe('product-photo')
    await expectRefusal(send('GET', escaped, { key: system.keys['shop-web'] }), 403, 'forbidden')
    await expectRefusal(send('GET', `/v1/assets/${asset.toUpperCase()}`, { key: ADMIN_KEY }), 404, 'not-found')
  })

  test('in a query or a body they are refused too', async () => {
    await leavesNothing(system, async () => {
      for (const name of NAMES.filter(text => !/%(?![0-9a-f]{2})/i.test(text)).map(decodeLoosely)) {
        const query = encodeURIComponent(name)
        await expectRefusal(
          send('POST', `/v1/assets?collection=${query}`, { key: ADMIN_KEY, body: new Uint8Array(3) }),
          400,
          'invalid-request',
        )
        const explain = { key: ADMIN_KEY, body: { asset, rendition: name } }
        await expectRefusal(send('POST', '/v1/products/shop-web/resolve/explain', explain), 422, 'contract-violation')
        const owner = { key: ADMIN_KEY, body: { owner: name } }
        await expectRefusal(send('PUT', '/v1/collections/other', owner), 422, 'contract-violation')
      }
    })
  })

  test('as they come from the wire, where nobody has tidied them before', async () => {
    const targets = [
      '/v1/assets/../../etc/passwd',
      '/i/shop-web/../../x/v1/card.jpg',
      '//v1/products',
      '/v1//products',
      '/./v1/products',
      '/v1/products/',
      '*',
      '/%00',
      `/${'a'.repeat(8_000)}`,
      'http://[::bad/',
      'http://evil.example/v1/products',
      '/v1/products#x',
      '/\\..\\x',
      '/v1/products?limit=%',
    ]
    for (const target of targets) {
      const answer = await raw(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      expect(answer, target.slice(0, 60)).toMatch(/^HTTP\/1\.1 (400|401|404) /)
      expect(answer).not.toMatch(/node_modules|\.ts:|at \w+ \(|stack/i)
    }
    for (const host of ['', 'a b', '[::', 'x:99999', 'x/y', 'é']) {
      const answer = await raw(`GET /v1/products HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      expect(answer, host).toMatch(/^HTTP\/1\.1 (400|401) /)
    }
    expect((await fetch(`${socket.address}/healthz`)).status).toBe(200)
  })
})

const decodeLoosely = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const raw = (text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const connection = connect(socket.port, '127.0.0.1', () => connection.write(text))
    let answer = ''
    connection.setEncoding('latin1').on('data', chunk => {
      answer += chunk
      if (/^HTTP\/1\.1 400/.test(answer)) connection.end()
    })
    connection.on('close', () => resolve(answer))
    connection.on('error', reject)
    connection.setTimeout(5_000, () => connection.destroy(new Error(`Expected an answer to ${text.slice(0, 60)}`)))
  })
