/** What the system tells about itself: plans, completeness, trails, the report, its documents. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ERROR_CATALOGUE } from '../../src/model/errors.ts'
import {
  expectJson,
  expectRefusal,
  type OpenApiDocument,
  openApiOf,
  openClient,
  type Send,
  settled,
} from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Completeness {
  readonly state: string
  readonly gate: string
  readonly products: {
    product: string
    status: string
    required: number
    done: number
    dead: number
    failed?: { code: string; rendition: string }[]
  }[]
  readonly asks: number
  readonly nodes: number
  readonly reused: number
  readonly ready_percent: number
}
interface Trail {
  readonly outcome: string
  readonly steps: { step: string; result: unknown }[]
  readonly text: string
}
interface Efficiency {
  readonly asks: number
  readonly nodes: number
  readonly executions: number
  readonly bytes: { originals: number; derivatives: number; siloed: number }
  readonly cpu_ms: { spent: number; siloed: number }
  readonly storage_efficiency: number
  readonly siloed_storage_efficiency: number
  readonly compute_ratio: number
  readonly saved: { cpu_ms: number; bytes: number }
  readonly products: {
    product: string
    asks: number
    nodes: number
    shared: number
    cpu_ms: { spent: number; siloed: number }
    bytes: { derivatives: number; siloed: number }
  }[]
}

let system: System
let send: Send
let jpeg: Buffer
let asset: string
beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
  jpeg = await photo({ width: 1700, height: 900 })
  asset = (await system.upload(jpeg)).asset
  await settled(system)
})
afterAll(() => system.close())

const key = (): string => system.keys['shop-web']
const completeness = (id = asset, version = 1, reader = ADMIN_KEY) =>
  expectJson<Completeness>(send('GET', `/v1/assets/${id}/versions/${version}/completeness`, { key: reader }), 200)
const explain = (body: object, options = { key: key(), product: 'shop-web' }) =>
  expectJson<Trail>(send('POST', `/v1/products/${options.product}/resolve/explain`, { key: options.key, body }), 200)
const report = () => expectJson<Efficiency>(send('GET', '/v1/report/efficiency', { key: ADMIN_KEY }), 200)

describe('completeness', () => {
  test('counts for every product what is required and what is there', async () => {
    expect(await completeness()).toEqual({
      asset,
      version: 1,
      state: 'ACTIVE',
      gate: 'all',
      products: [
        { product: 'mobile', status: 'COMPLETE', required: 3, done: 3, dead: 0 },
        { product: 'partner-api', status: 'COMPLETE', required: 1, done: 1, dead: 0 },
        { product: 'shop-web', status: 'COMPLETE', required: 3, done: 3, dead: 0 },
      ],
      asks: 9,
      nodes: 8,
      reused: 1,
      ready_percent: 100,
    })
  })

  test('tells a product of itself by name, and of the others by number', async () => {
    const told = await completeness(asset, 1, system.keys['partner-api'])
    expect(told).toEqual({
      asset,
      version: 1,
      state: 'ACTIVE',
      gate: 'all',
      products: [{ product: 'partner-api', status: 'COMPLETE', required: 1, done: 1, dead: 0 }],
      others: { products: 2, required: 6, done: 6, dead: 0 },
      asks: 9,
      nodes: 8,
      reused: 1,
      ready_percent: 100,
    })
  })

  test('says whom publishing waits for', async () => {
    for (const gate of ['owner', 'none', 'all']) {
      const body = { owner: 'shop-web', publish_gate: gate }
      await expectJson(send('PUT', '/v1/collections/product-photo', { key: ADMIN_KEY, body }), 200)
      expect(await completeness()).toMatchObject({ gate })
    }
  })

  test('names what cannot be made, and why', async () => {
    const path = '/v1/collections/product-photo/products/mobile/renditions/corner'
    const recipe = { crop: { left: 1600, top: 800, width: 1000, height: 1000 }, formats: ['jpeg'] }
    await expectJson(send('PUT', path, { key: system.keys.mobile, body: { recipe } }), 201)
    const { asset: id } = await system.upload(Buffer.concat([await photo({ width: 90, height: 60 }), Buffer.from('x')]))
    await settled(system)
    const { state, products } = await completeness(id)
    expect(state).toBe('FAILED')
    const mobile = products.find(({ product }) => product === 'mobile')
    expect(mobile).toMatchObject({ status: 'DEGRADED', dead: 1 })
    expect(mobile?.failed).toMatchObject([{ rendition: 'corner', code: 'crop-outside' }])
    const asked = (query: string) =>
      send('GET', `/v1/products/mobile/assets/${id}/renditions/corner${query}`, { key: system.keys.mobile })
    expect(await expectRefusal(asked('?version=1'), 424, 'rendition-failed')).toMatchObject({ class: 'crop-outside' })
    await expectRefusal(asked(''), 424, 'rendition-failed')
    const published = send('POST', `/v1/assets/${id}/publish`, {
      key: key(),
      body: { version: 1 },
      headers: { 'If-Match': '*' },
    })
    expect(await expectRefusal(published, 409, 'not-ready')).toMatchObject({ state: 'FAILED' })
    expect(
      (await explain({ asset: id, rendition: 'corner', version: 1 }, { key: system.keys.mobile, product: 'mobile' }))
        .outcome,
    ).toBe('rendition-failed')
    expect((await send('DELETE', path, { key: system.keys.mobile, headers: { 'If-Match': '*' } })).status).toBe(204)
  })

  test('of what is not there is not found', async () => {
    for (const version of ['2', '0', '-1', '1.5', '1e1', 'x', '99999999999', '%00']) {
      for (const rest of ['', '/completeness', '/plan'])
        await expectRefusal(
          send('GET', `/v1/assets/${asset}/versions/${version}${rest}`, { key: key() }),
          404,
          'not-found',
        )
    }
  })
})

test('a plan shows each node once, with everybody who shares it', async () => {
  const plan = await expectJson<{ text: string; original: string; totals: { asked: number; distinct: number } }>(
    send('GET', `/v1/assets/${asset}/versions/1/plan`, { key: ADMIN_KEY }),
    200,
  )
  expect(plan.totals).toMatchObject({ asked: 9, distinct: 8 })
  for (const name of ['shop-web/card', 'mobile/tile', 'partner-api/feed']) expect(plan.text).toContain(name)
  const nodes: { node: string; shared_by: string[] }[] = []
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    if ('node' in value && 'shared_by' in value) nodes.push(value as (typeof nodes)[number])
    Object.values(value).forEach(walk)
  }
  walk(plan)
  expect(new Set(nodes.map(({ node }) => node)).size).toBe(nodes.length)
  expect(nodes.some(({ shared_by }) => shared_by.length === 2 && shared_by.every(name => /card|tile/.test(name)))).toBe(
    true,
  )
})

test('a plan tells what was estimated, what was measured, and what was there before', async () => {
  interface Plan {
    readonly text: string
    readonly totals: Record<string, number>
  }
  const read = (id: string) =>
    expectJson<Plan>(send('GET', `/v1/assets/${id}/versions/1/plan`, { key: ADMIN_KEY }), 200)
  const { totals, text } = await read(asset)
  expect(totals.estimated_remaining_cpu_ms).toBe(0)
  expect(totals).toMatchObject({ existing: 0 })
  expect(totals.measured_cpu_ms).toBeGreaterThan(0)
  expect(totals.measured_alone_cpu_ms).toBeGreaterThan(totals.measured_cpu_ms ?? 0)
  expect(totals.saved_cpu_ms).toBeCloseTo((totals.measured_alone_cpu_ms ?? 0) - (totals.measured_cpu_ms ?? 0), 0)
  // Good to a factor of two on an idle machine; the ends of the scale on a busy one.
  expect((totals.measured_cpu_ms ?? 0) / (totals.estimated_cpu_ms ?? 0)).toBeGreaterThan(0.1)
  expect((totals.measured_cpu_ms ?? 0) / (totals.estimated_cpu_ms ?? 0)).toBeLessThan(10)
  expect(text).toMatch(/measured [\d.]+ ms, one by one [\d.]+ ms: \d+ ms saved; 0 of 8 were there; ~0 ms to do/)
  // The same bytes once more: everything is there, nothing is spent, and alone it would have cost as much again.
  const { asset: second } = await system.upload(jpeg)
  await settled(system)
  const again = await read(second)
  expect(again.totals).toMatchObject({ existing: 8, measured_cpu_ms: 0, estimated_remaining_cpu_ms: 0 })
  expect(again.totals.saved_cpu_ms).toBe(again.totals.measured_alone_cpu_ms)
  expect(again.text).toContain('was there')
})

test('a plan shows a product its own nodes, and how many wishes of others go through them', async () => {
  const read = (product: 'shop-web' | 'partner-api') =>
    expectJson<{ text: string; totals: object }>(
      send('GET', `/v1/assets/${asset}/versions/1/plan`, { key: system.keys[product] }),
      200,
    )
  const [shop, partner] = [await read('shop-web'), await read('partner-api')]
  expect(shop.totals).toMatchObject({ asked: 9, distinct: 8 })
  expect(shop.text).toContain('shop-web/card.jpeg, 1 of other products')
  expect(JSON.stringify(shop)).not.toMatch(/mobile|partner-api|tile|feed/)
  expect(partner.text).toContain('partner-api/feed.jpeg')
  expect(JSON.stringify(partner)).not.toMatch(/mobile|shop-web|tile|card|hero/)
})

describe('explain', () => {
  test('tells the trail of an answer, step by step', async () => {
    const { outcome, steps, text } = await explain({ asset, rendition: 'card' })
    expect(outcome).toBe('ready: jpeg')
    expect(steps.map(({ step }) => step)).toEqual([
      'identity',
      'collection',
      'grant',
      'policy',
      'pointer',
      'rendition',
      'canonical recipe',
      'nodes',
      'state',
      'delivery',
    ])
    for (const { step } of steps) expect(text).toContain(step)
    expect(text).toContain('1 of other products')
  })

  test('agrees with what resolve answers', async () => {
    const accepts = ['image/avif,image/webp,*/*', 'image/webp,*/*', '*/*', 'image/png', 'application/json']
    for (const rendition of ['card', 'hero', 'original', 'nothing']) {
      for (const accept of accepts) {
        const response = await send(
          'GET',
          `/v1/products/shop-web/assets/${asset}/renditions/${rendition}?delivery=json`,
          {
            key: key(),
            headers: { Accept: accept },
          },
        )
        const { outcome } = await explain({ asset, rendition, accept })
        const answer = (await response.json()) as { code?: string; media_type?: string }
        const said = response.ok
          ? rendition === 'original'
            ? 'ready'
            : `ready: ${answer.media_type?.slice(6)}`
          : answer.code
        expect(outcome, `${rendition} for ${accept}`).toBe(said)
      }
    }
  })

  test('does nothing', async () => {
    const rendition = '/v1/collections/product-photo/products/shop-web/renditions/asleep'
    const recipe = { resize: { width: 33 }, formats: ['png'] }
    await expectJson(send('PUT', rendition, { key: key(), body: { recipe, lane: 'lazy' } }), 201)
    const before = await completeness()
    expect(await explain({ asset, rendition: 'asleep' })).toMatchObject({ outcome: 'pending', status: 202 })
    expect(await completeness()).toEqual(before)
  })

  test('ends early for those who may not know', async () => {
    const body = { asset: crypto.randomUUID(), rendition: 'card' }
    await expectRefusal(send('POST', '/v1/products/shop-web/resolve/explain', { key: key(), body }), 404, 'not-found')
    const partner = { key: system.keys['partner-api'], product: 'partner-api' }
    const forbidden = await explain({ asset, rendition: 'original' }, partner)
    expect(forbidden.outcome).toBe('forbidden')
    expect(forbidden.steps.at(-1)).toMatchObject({ step: 'policy', result: { rule: 'originals-closed' } })
    expect(JSON.stringify(forbidden)).not.toContain('digest')
    await expectRefusal(
      send('POST', '/v1/products/mobile/resolve/explain', { key: key(), body: { asset, rendition: 'tile' } }),
      404,
      'not-found',
    )
  })

  test('is asked for strictly', async () => {
    const bad = [
      {},
      { asset: 'x', rendition: 'card' },
      { asset, rendition: 'A' },
      { asset, rendition: 'card', format: 'bmp' },
    ]
    const more = [
      { asset, rendition: 'card', version: 0 },
      { asset, rendition: 'card', version: 2 ** 31 },
      { asset, rendition: 'card', x: 1 },
      { asset, rendition: 'card', accept: 'x'.repeat(501) },
    ]
    for (const body of [...bad, ...more])
      await expectRefusal(
        send('POST', '/v1/products/shop-web/resolve/explain', { key: key(), body }),
        422,
        'contract-violation',
      )
  })
})

test('the report adds up', async () => {
  const own = await startSystem()
  try {
    const ask = await openClient(own)
    const read = () => expectJson<Efficiency>(ask('GET', '/v1/report/efficiency', { key: ADMIN_KEY }), 200)
    expect(await read()).toMatchObject({ asks: 0, nodes: 0, executions: 0, storage_efficiency: 1, compute_ratio: 1 })
    await own.upload(jpeg)
    await settled(own)
    const one = await read()
    expect(one).toMatchObject({ asks: 9, nodes: 8, executions: 8, storage_efficiency: 1 })
    const sum = {
      name: 'sums',
      text: 'select (select sum(byte_length)::int from original) as originals, (select sum(byte_length)::int from derivative) as derivatives',
    }
    const [sums] = await own.core.database.rows<{ originals: number; derivatives: number }>(sum, [])
    expect(one.bytes).toMatchObject({ ...sums })
    // Three products with an edge keep three originals; the shared card is kept twice.
    expect(one.bytes.siloed).toBeGreaterThan(3 * one.bytes.originals + one.bytes.derivatives)
    expect(one.siloed_storage_efficiency).toBeCloseTo(
      (one.bytes.originals + one.bytes.derivatives) / one.bytes.siloed,
      3,
    )
    expect(one.cpu_ms.spent).toBeGreaterThan(0)
    expect(one.compute_ratio).toBeCloseTo(one.cpu_ms.spent / one.cpu_ms.siloed, 1)
    expect(one.saved.cpu_ms).toBeCloseTo(one.cpu_ms.siloed - one.cpu_ms.spent, -1)
    expect(one.saved.bytes).toBe(one.bytes.siloed - one.bytes.originals - one.bytes.derivatives)
    // The card is the shop's and the mobile product's, half each; what all products are charged with is what was spent.
    expect(one.products.map(({ product, asks, nodes, shared }) => [product, asks, nodes, shared])).toEqual([
      ['mobile', 4, 4, 1],
      ['partner-api', 1, 1, 0],
      ['shop-web', 4, 4, 1],
    ])
    const total = (of: (product: Efficiency['products'][number]) => number): number =>
      one.products.reduce((sum, product) => sum + of(product), 0)
    expect(Math.abs(total(({ cpu_ms }) => cpu_ms.spent) - one.cpu_ms.spent)).toBeLessThanOrEqual(3)
    expect(Math.abs(total(({ cpu_ms }) => cpu_ms.siloed) - one.cpu_ms.siloed)).toBeLessThanOrEqual(3)
    expect(Math.abs(total(({ bytes }) => bytes.derivatives) - one.bytes.derivatives)).toBeLessThanOrEqual(3)
    await own.upload(jpeg)
    await settled(own)
    const two = await read()
    expect(two).toMatchObject({ asks: 18, nodes: 8, executions: 8 })
    expect(two.bytes.originals).toBe(one.bytes.originals)
    expect(two.bytes.derivatives).toBe(one.bytes.derivatives)
  } finally {
    await own.close()
  }
  expect((await report()).asks).toBeGreaterThan(0)
})

describe('the documents', () => {
  test('describe every route, in OpenAPI 3.1', async () => {
    const document = await openApiOf(system)
    expect(document.openapi).toMatch(/^3\.1\.\d+$/)
    const documented = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map(method => `${method.toUpperCase()} ${path}`),
    )
    const registered = system.app.routes
      .filter(({ path }) => !path.includes('*'))
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)(\{[^}]*\})?/g, '{$1}')}`)
    // A HEAD that says more than its GET has a description of its own, and the same route.
    const routed = documented.map(one => one.replace(/^HEAD /, 'GET '))
    expect([...new Set(routed)].sort()).toEqual([...new Set(registered)].sort())
  })

  test('refer to nothing that is not there, and name every parameter of every path', async () => {
    const document = (await openApiOf(system)) as OpenApiDocument & {
      info: { title: string; version: string }
      servers: { url: string }[]
    }
    expect(document.info.title).not.toBe('')
    expect(document.info.version).not.toBe('')
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref = '']) => ref)
    for (const ref of new Set(refs)) {
      const target = ref
        .slice(2)
        .split('/')
        .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], document)
      expect(target, ref).toBeDefined()
    }
    const ids: string[] = []
    for (const [path, item] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(item as unknown as Record<string, Record<string, unknown>>)) {
        const what = `${method} ${path}`
        const parameters = (operation.parameters ?? []) as {
          name: string
          in: string
          required?: boolean
          schema?: object
        }[]
        const named = parameters.filter(parameter => parameter.in === 'path').map(({ name }) => name)
        expect(named.sort(), what).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort())
        for (const parameter of parameters) {
          expect(['path', 'query', 'header', 'cookie'], what).toContain(parameter.in)
          if (parameter.in === 'path') expect(parameter.required, what).toBe(true)
          expect(parameter.schema, what).toBeDefined()
        }
        expect(operation.summary, what).toBeTruthy()
        for (const [status, response] of Object.entries(
          operation.responses as Record<string, { description?: string }>,
        )) {
          expect(status, what).toMatch(/^[2-5]\d\d$/)
          expect(response.description, `${what} ${status}`).toBeTruthy()
        }
        if (operation.operationId) ids.push(String(operation.operationId))
        for (const scheme of (operation.security ?? []) as Record<string, unknown>[])
          expect(Object.keys(scheme)).toEqual(['apiKey'])
      }
    }
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('are readable', async () => {
    const page = await send('GET', '/docs')
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    const html = await page.text()
    expect(html).toContain('/v1/products/{product}/assets/{asset}/renditions/{rendition}')
    expect(html).not.toMatch(/<script|https?:\/\//)
  })

  test('have a page for every problem', async () => {
    for (const [code, { status, title }] of Object.entries(ERROR_CATALOGUE)) {
      const page = await send('GET', `/problems/${code}`)
      expect(page.status).toBe(200)
      const html = await page.text()
      expect(html).toContain(title)
      expect(html).toContain(String(status))
    }
    for (const code of ['nothing', '__proto__', 'constructor', '<script>', '%3Cscript%3E', 'toString'])
      await expectRefusal(send('GET', `/problems/${code}`), 404, 'not-found')
  })
})

test('health, readiness and metrics', async () => {
  expect(await expectJson(send('GET', '/healthz'), 200)).toEqual({ status: 'ok' })
  expect(await expectJson(send('GET', '/readyz'), 200)).toEqual({
    status: 'ready',
    checks: { postgres: 'ok', storage: 'ok', queue: 'ok' },
    dependencies: {
      postgres: { breaker: 'closed' },
      storage: { breaker: 'closed' },
      queue: { breaker: 'closed' },
      jwks: { breaker: 'closed' },
    },
  })
  const metrics = await (await send('GET', '/metrics')).text()
  expect(metrics).toMatch(/^matrix_uploads_total\{result="created"\} \d+$/m)
  expect(metrics).toMatch(/^matrix_resolutions_total\{outcome="ready"\} \d+$/m)
  expect(metrics).toMatch(/^circuit_breaker_state\{dependency="storage"\} 0$/m)
  for (const id of [asset, key(), 'mtx_live']) expect(metrics).not.toContain(id)
  expect(await expectJson(send('GET', '/v1/doctor', { key: ADMIN_KEY }), 200)).toMatchObject({ healthy: true })
})

describe('every answer', () => {
  test('keeps a harmless correlation id, and no other', async () => {
    const id = async (given: string) =>
      (await send('GET', '/healthz', { headers: { 'X-Correlation-Id': given } })).headers.get('x-correlation-id')
    expect(await id('c-7f2d')).toBe('c-7f2d')
    for (const bad of ['a b', '<script>', 'x'.repeat(129), '']) expect(await id(bad)).toMatch(/^req_/)
  })

  test('to what is no route is the same problem', async () => {
    const paths = [
      '/',
      '/v1',
      '/v2/assets',
      '/v1/assets/',
      '/favicon.ico',
      '/.env',
      '/v1/%2e%2e/%2e%2e/etc/passwd',
      '/%',
      '/%E0%A4%A',
    ]
    for (const path of paths) await expectRefusal(send('GET', path), 404, 'not-found')
    for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACEROUTE'])
      await expectRefusal(send(method, '/v1/assets', { key: key() }), 404, 'not-found')
  })
})

test('a product learns how many share a node, an administrator who', async () => {
  const { asset } = await system.upload(await photo({ width: 640, height: 480 }))
  await settled(system)
  const explained = async (key: string) => {
    const { steps } = await expectJson<{ steps: { step: string; result: { shared_with?: string[] }[] }[] }>(
      send('POST', '/v1/products/shop-web/resolve/explain', { key, body: { asset, rendition: 'card' } }),
      200,
    )
    return steps.find(({ step }) => step === 'nodes')?.result[0]?.shared_with
  }
  expect(await explained(system.keys['shop-web'])).toEqual(['1 of other products'])
  expect(await explained(ADMIN_KEY)).toEqual(['mobile/tile'])
})
