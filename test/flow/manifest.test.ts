/** The manifest of a product: what it can resolve and nothing else, whole, and a copy of it compared. */
import { createHash } from 'node:crypto'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openCore, openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import { sequenceEvents } from '../../src/manifest/events.ts'
import { expectJson, expectRefusal, looked, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { insertManyAssets } from '../support/many-assets.ts'
import { countingClient } from '../support/recording.ts'
import { ADMIN_KEY, requestOf, type System, startSystem } from '../support/system.ts'

interface Line {
  readonly asset: string
  readonly version: number
  readonly rendition: string
  readonly format: string
  readonly digest: string
  readonly path: string
}
interface Trailer {
  readonly lines: number
  readonly assets: number
  readonly digest: string
  readonly as_of: number
  readonly until: number
  readonly consistent: boolean
}

const PATH = '/v1/products/shop-web/manifest'
const NDJSON = 'application/x-ndjson'
let system: System
let socket: Awaited<ReturnType<typeof openSocketClient>>
let send: Send
let jpeg: Buffer
const fresh = (): Buffer => Buffer.concat([jpeg, Buffer.from(crypto.randomUUID())])
const admin = async (method: string, path: string, body?: object): Promise<Response> => {
  const headers: Record<string, string> = method === 'PUT' ? {} : { 'If-Match': '*' }
  const response = await system.call(method, path, { key: ADMIN_KEY, ...(body && { body }), headers })
  expect(response.ok, `${method} ${path}: ${response.status}`).toBe(true)
  return response
}

const read = async (text: string): Promise<{ lines: Line[]; trailer: Trailer }> => {
  const all = text.split('\n')
  expect(all.pop()).toBe('')
  const { trailer } = JSON.parse(all.pop() ?? '') as { trailer: Trailer }
  const digest = createHash('sha256').update(all.map(line => `${line}\n`).join(''))
  expect(trailer.digest).toBe(`sha256:${digest.digest('hex')}`)
  expect(trailer.lines).toBe(all.length)
  return { lines: all.map(line => JSON.parse(line) as Line), trailer }
}
const manifest = async (query = '', key = system.keys['shop-web'], path = PATH) => {
  const response = await send('GET', `${path}${query}`, { key })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, NDJSON])
  return read(await response.text())
}
const upload = async (collection = 'product-photo'): Promise<string> => {
  const { asset } = await system.upload(fresh(), `collection=${collection}`)
  await settled(system)
  return asset
}

beforeAll(async () => {
  system = await startSystem()
  socket = await openSocketClient(system)
  send = socket.send
  jpeg = await photo({ width: 300, height: 200 })
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

describe('the lines', () => {
  test('are what a resolve of each gives, sorted, each once', async () => {
    const assets = [await upload(), await upload()]
    const { lines, trailer } = await manifest()
    const places = lines.map(({ asset, rendition, format }) => `${asset}\n${rendition}\n${format}`)
    expect(places).toEqual([...new Set(places)].sort())
    expect(new Set(lines.map(({ asset }) => asset))).toEqual(new Set(assets))
    expect(trailer).toMatchObject({ lines: 8, assets: 2, consistent: true })
    for (const { asset, rendition, format, path, ...line } of lines) {
      const url = `/v1/products/shop-web/assets/${asset}/renditions/${rendition}?format=${format}`
      const headers = { Accept: 'application/json' }
      expect(await expectJson(send('GET', url, { key: system.keys['shop-web'], headers }), 200)).toMatchObject(line)
      expect((await send('GET', path, { key: system.keys['shop-web'] })).status).toBe(302)
    }
  })

  test('end with an archive, follow a new version, and are of a collection where one is named', async () => {
    await admin('PUT', '/v1/collections/other', { owner: 'shop-web' })
    const recipe = { resize: { width: 50 }, formats: ['jpeg'] }
    await admin('PUT', '/v1/collections/other/products/shop-web/renditions/dot', { recipe })
    const asset = await upload('other')
    const ofOther = () => manifest('?collection=other')
    expect((await ofOther()).lines).toMatchObject([{ asset, version: 1, rendition: 'dot' }])
    const next = await system.call('POST', `/v1/assets/${asset}/versions`, {
      key: system.keys['shop-web'],
      body: new Uint8Array(fresh()),
    })
    expect(next.status).toBe(201)
    await settled(system)
    expect((await ofOther()).lines).toMatchObject([{ asset, version: 2 }])
    await admin('POST', `/v1/assets/${asset}/archive`)
    expect((await ofOther()).lines).toEqual([])
    expect((await manifest('?collection=nothing')).lines).toEqual([])
  })

  test('are of what the policy gives: single assets, and not those withheld', async () => {
    const [given = '', withheld = ''] = [await upload(), await upload()]
    const partner = () => manifest('', system.keys['partner-api'], '/v1/products/partner-api/manifest')
    const assetsOf = ({ lines }: { lines: Line[] }) => lines.map(({ asset }) => asset)
    expect(assetsOf(await partner())).toEqual(expect.arrayContaining([given, withheld]))
    await admin('PUT', `/v1/assets/${withheld}/grants/partner-api`, { role: 'none' })
    expect(assetsOf(await partner())).toContain(given)
    expect(assetsOf(await partner())).not.toContain(withheld)
    await admin('PUT', '/v1/collections/product-photo/grants/partner-api', {
      role: 'reader',
      expires_at: new Date(Date.now() - 1_000).toISOString(),
    })
    await admin('PUT', `/v1/assets/${given}/grants/partner-api`, { role: 'reader' })
    expect(assetsOf(await partner())).toEqual([given])
    expect(await expectJson(send('GET', `/v1/assets/${given}`, { key: system.keys['partner-api'] }), 200)).toBeDefined()
  })

  test('since a time are of assets that something has happened to', async () => {
    const before = await upload()
    const { updated_at } = await expectJson<{ updated_at: string }>(
      send('GET', `/v1/assets/${before}`, { key: ADMIN_KEY }),
      200,
    )
    // Shown to the millisecond, kept to the microsecond.
    const since = new Date(Date.parse(updated_at) + 1).toISOString()
    const after = await upload()
    const assets = new Set((await manifest(`?updated_after=${since}`)).lines.map(({ asset }) => asset))
    expect([assets.has(before), assets.has(after)]).toEqual([false, true])
  })

  test('of a derivative that was there already are announced and found', async () => {
    const asset = await upload()
    const { lines } = await manifest()
    const card = lines.find(line => line.asset === asset && line.rendition === 'card')
    // The recipe of `card`, by another name, made by nobody: asked for and there at once.
    const recipe = { resize: { width: 400 }, formats: [{ format: 'jpeg', quality: 80 }] }
    const path = '/v1/collections/product-photo/products/shop-web/renditions/twin'
    await system.call('PUT', path, { key: ADMIN_KEY, body: { recipe, lane: 'lazy' } })
    const etag = (await send('GET', PATH, { key: system.keys['shop-web'] })).headers.get('etag') ?? ''
    const url = `/v1/products/shop-web/assets/${asset}/renditions/twin`
    await expectJson(send('GET', url, { key: system.keys['shop-web'], headers: { Accept: 'application/json' } }), 200)
    const again = await send('GET', PATH, { key: system.keys['shop-web'], headers: { 'If-None-Match': etag } })
    expect(again.status).toBe(200)
    const twin = (await read(await again.text())).lines.find(line => line.asset === asset && line.rendition === 'twin')
    expect(twin?.digest).toBe(card?.digest)
    await system.call('DELETE', path, { key: ADMIN_KEY, headers: { 'If-Match': '*' } })
  })
})

describe('the ETag', () => {
  test('stays while nothing happens, for one statement, and changes with whatever does', async () => {
    const asset = await upload()
    await sequenceEvents(system.core.database)
    const sent: string[] = []
    const { engines, config } = system
    const database = { ...engines.database, Client: countingClient(sent) } as pg.PoolConfig
    const core = await openCore({ config, engines: { ...engines, database }, name: 'counted' })
    const app = createApp(openGateway(core))
    const ask = async (etag = ''): Promise<Response> => {
      const response = await app.request(
        PATH,
        requestOf('GET', { key: system.keys['shop-web'], headers: { 'If-None-Match': etag } }),
      )
      await response.clone().text()
      return response
    }
    const tag = async (): Promise<string> => (await ask()).headers.get('etag') ?? ''
    const etag = await tag()
    expect(etag).toMatch(/^"\d+\.[0-9a-f]{16}"$/)
    sent.length = 0
    expect((await ask(etag)).status).toBe(304)
    expect(sent.filter(text => !text.includes('api_key'))).toHaveLength(1)
    const changes = [
      () => upload(),
      () => admin('PUT', '/v1/collections/product-photo/grants/shop-web', { role: 'owner', visibility: 'public' }),
      () => admin('POST', `/v1/assets/${asset}/archive`),
      () => sequenceEvents(system.core.database),
    ]
    let before = etag
    for (const change of changes) {
      await change()
      const after = await tag()
      expect(after).not.toBe(before)
      before = after
    }
    await core.close()
  })
})

describe('who asks', () => {
  test('is the product or an administrator; of others there is nothing', async () => {
    await expectRefusal(send('GET', PATH, { key: system.keys.mobile }), 404, 'not-found')
    await expectRefusal(send('GET', '/v1/products/nobody/manifest', { key: ADMIN_KEY }), 404, 'not-found')
    expect((await manifest('', ADMIN_KEY)).lines).toEqual((await manifest()).lines)
  })
})

describe('a copy', () => {
  interface Comparison {
    readonly in_step: boolean
    readonly same: number
    readonly missing: { readonly count: number; readonly first: readonly object[] }
    readonly extra: { readonly count: number; readonly first: readonly object[] }
    readonly stale: { readonly count: number; readonly first: readonly object[] }
  }
  const compare = (lines: readonly object[] | string, query = '') =>
    send('POST', `${PATH}/compare${query}`, {
      key: system.keys['shop-web'],
      body: typeof lines === 'string' ? lines : lines.map(line => `${JSON.stringify(line)}\n`).join(''),
      headers: { 'Content-Type': NDJSON },
    })

  test('that is the manifest is in step, trailer and all', async () => {
    const text = await (await send('GET', PATH, { key: system.keys['shop-web'] })).text()
    const said = await expectJson<Comparison>(compare(text), 200)
    expect(said).toMatchObject({ in_step: true, same: (await read(text)).lines.length })
  })

  test('is told what it lacks, has too much, and has in other bytes', async () => {
    const { lines } = await manifest()
    const [missing, stale, ...rest] = lines as [Line, Line, ...Line[]]
    const { asset, rendition, format } = stale
    const was = `sha256:${'0'.repeat(64)}`
    const extra = { ...(rest.at(-1) as Line), rendition: 'zzz' }
    const said = await expectJson<Comparison>(compare([{ asset, rendition, format, digest: was }, ...rest, extra]), 200)
    expect(said).toMatchObject({
      in_step: false,
      same: lines.length - 2,
      missing: { count: 1, first: [{ rendition: missing.rendition, digest: missing.digest }] },
      stale: { count: 1, first: [{ asset, rendition, format, digest: stale.digest, was }] },
      extra: { count: 1, first: [{ asset: extra.asset, rendition: 'zzz' }] },
    })
    const none = await expectJson<Comparison>(compare('', '?first=1'), 200)
    expect(none.missing).toMatchObject({ count: lines.length, first: [{ asset: missing.asset }] })
  })

  test.each([
    ['in another order', (lines: Line[]) => lines.toReversed()],
    ['with a line twice', ([line]: Line[]) => [line, line]],
    ['with a line that is none', () => [{ asset: 'x' }]],
    ['with a line that has no end', () => [{ asset: 'x'.repeat(2_000) }]],
  ] as const)('%s is refused', async (_, make) => {
    const { lines } = await manifest()
    await expectRefusal(compare(make(lines) as object[]), 422, 'contract-violation')
  })

  test('that is no NDJSON is refused', async () => {
    await expectRefusal(compare('{"asset"'), 422, 'contract-violation')
    const options = { key: system.keys['shop-web'], body: {} }
    await expectRefusal(send('POST', `${PATH}/compare`, options), 415, 'unsupported-media')
  })
})

test('a reader who stops has as much read for him as he took, and one who goes on gets all of it', async () => {
  const template = await upload()
  await looked(system, template)
  await insertManyAssets({ connection: system.engines.database, template, count: 4_000 })
  const sent: string[] = []
  const { engines, config } = system
  const database = { ...engines.database, Client: countingClient(sent) } as pg.PoolConfig
  const core = await openCore({ config, engines: { ...engines, database }, name: 'counted' })
  const app = createApp(openGateway(core))
  const response = await app.request(PATH, requestOf('GET', { key: system.keys['shop-web'] }))
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const pages = () => sent.filter(text => text.includes('page as (select id')).length
  const chunks = [(await reader.read()).value as Uint8Array]
  expect(pages()).toBe(1)
  for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value)
  const { lines, trailer } = await read(Buffer.concat(chunks).toString())
  expect(pages()).toBe(Math.floor(trailer.assets / 500) + 1)
  expect(lines.length).toBeGreaterThan(10_000)
  const places = lines.map(({ asset, rendition, format }) => `${asset}\n${rendition}\n${format}`)
  expect(places).toEqual([...new Set(places)].sort())
  await core.close()
}, 60_000)
