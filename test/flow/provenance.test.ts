/** Where a version comes from, and what came of it. */
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ENGINE_LINE } from '../../src/graph/key.ts'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { originalKey } from '../../src/objects/keys.ts'
import { advanceErasures } from '../../src/reconcile/erase.ts'
import { expectJson, expectRefusal, openClient, type Send } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { openHttp, type Place } from '../support/sources.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

interface Line {
  readonly product: string
  readonly rendition: string
  readonly state: string
  readonly inputs: readonly string[]
  readonly operations: readonly { op: string }[]
  readonly engine?: string
  readonly executions: number
  readonly digest?: string
  readonly made_at?: string
  readonly node: string
}
interface Shown {
  readonly trust: number
  readonly by: string
  readonly hints: Readonly<Record<string, string>>
  readonly identity_hints?: Readonly<Record<string, string>>
  readonly integrity?: {
    digest: string
    bytes: number
    verified_at: string
    stored_at: string
    method: string
    score: number
  }
  readonly lineage: readonly Line[]
}

let system: System
let send: Send
let source: Place
let jpeg: Buffer

beforeAll(async () => {
  system = await startSystem({ env: { FETCH_ALLOW: '127.0.0.1', FETCH_PORTS: 'any' } })
  send = await openClient(system)
  jpeg = await photo({ width: 640, height: 400 })
  source = await openHttp((request, response) => {
    if (request.url?.startsWith('/moved'))
      return response.writeHead(302, { Location: '/media/shoe.jpg?token=secret' }).end()
    response.writeHead(200, { 'Content-Type': 'image/jpeg', ETag: '"v7"', 'Last-Modified': 'x'.repeat(1000) })
    response.end(Buffer.concat([jpeg, Buffer.from(randomUUID())]))
  })
})
afterAll(async () => {
  await source.close()
  await system.close()
})

const shop = (): string => system.keys['shop-web']
const provenance = async (asset: unknown, { version = 1, key = shop() } = {}): Promise<Shown> =>
  expectJson<Shown>(send('GET', `/v1/assets/${asset}/versions/${version}/provenance`, { key }), 200)
const byUrl = async (path: string): Promise<unknown> => {
  const body = { source_url: `http://127.0.0.1:${source.port}${path}`, collection: 'product-photo' }
  return (await expectJson(send('POST', '/v1/assets', { key: shop(), body }), 201)).asset
}
const whenReady = (asset: unknown): Promise<Shown> =>
  until(
    'all derivatives',
    async () => {
      const shown = await provenance(asset, { key: ADMIN_KEY })
      return shown.lineage.length > 0 && shown.lineage.every(({ state }) => state === 'DONE') && shown
    },
    { withinMs: 60_000 },
  )

test('an upload by URL tells from where, and what was said of it, without secrets', async () => {
  const shown = await provenance(await byUrl('/moved?signature=secret'))
  const origin = `http://127.0.0.1:${source.port}`
  expect(shown).toMatchObject({ entrance: 'url', ref: `${origin}/moved`, trust: 2, version: 1 })
  expect(shown.by).toMatch(/^key_/)
  expect(shown.hints).toEqual({
    fetched_from: `${origin}/media/shoe.jpg`,
    media_type: 'image/jpeg',
    etag: '"v7"',
    last_modified: 'x'.repeat(200),
  })
  expect(JSON.stringify(shown)).not.toContain('secret')
})

test('an upload that was sent is trusted most, and has no hints', async () => {
  const { asset } = await system.upload(Buffer.concat([jpeg, Buffer.from(randomUUID())]))
  expect(await provenance(asset)).toMatchObject({ entrance: 'direct', trust: 3, hints: {} })
})

test('every derivative is traced to its original, by operations and engine, and a shared one is one node', async () => {
  const { asset, digest } = await system.upload(Buffer.concat([jpeg, Buffer.from(randomUUID())]))
  const shown = await whenReady(asset)
  for (const line of shown.lineage) {
    expect(line.inputs).toEqual([digest])
    expect(line.engine).toBe(ENGINE_LINE)
    expect(line.operations.at(-1)?.op).toBe('encode')
    expect(line.executions).toBe(1)
    expect(line.digest).toMatch(/^sha256:[0-9a-f]{64}$/)
  }
  const nodeOf = (product: string, rendition: string) =>
    shown.lineage.find(line => line.product === product && line.rendition === rendition)?.node
  expect(nodeOf('shop-web', 'card')).toBe(nodeOf('mobile', 'tile'))
  const made = shown.lineage.map(({ made_at }) => made_at ?? '').sort()
  expect(shown.integrity).toMatchObject({ digest, verified_at: made.at(-1), method: 'worker', score: 1 })
})

test('bytes that have become others are noticed by who reads them, and told until they are good again', async () => {
  const { originals, database } = system.core
  const bytes = Buffer.concat([jpeg, Buffer.from(randomUUID())])
  const sha256 = sha256Hex(bytes)
  const key = originalKey(system.config.tenant, sha256)
  const { asset } = await system.upload(bytes)
  await whenReady(asset)
  const put = async (content: Buffer) => {
    await originals.delete(key)
    const body = () => Readable.from([content])
    await originals.put({ key, body, bytes: content.length, sha256: sha256Hex(content), mediaType: 'image/jpeg' })
  }
  const integrity = async () => (await provenance(asset, { key: ADMIN_KEY })).integrity
  const doctor = async () => {
    const { checks } = await expectJson<{ checks: { check: string; ok: boolean; detail: object }[] }>(
      send('GET', '/v1/doctor', { key: ADMIN_KEY }),
      200,
    )
    return checks.find(({ check }) => check === 'originals')
  }
  const want = (width: number) =>
    expectJson(
      send('PUT', `/v1/collections/product-photo/products/shop-web/renditions/w${width}`, {
        key: shop(),
        body: { recipe: { resize: { width }, formats: ['jpeg'] }, lane: 'lazy' },
      }),
      201,
    )
  const ask = (width: number) =>
    send('GET', `/v1/products/shop-web/assets/${asset}/renditions/w${width}`, { key: shop() }).then(response =>
      response.arrayBuffer(),
    )
  expect(await doctor()).toMatchObject({ ok: true })
  await put(Buffer.from(bytes).fill(1, 1000, 1010))
  await want(33)
  await ask(33)
  await until('it is noticed', async () => (await integrity())?.score === 0, { withinMs: 30_000 })
  const found = { sha256, tenant: system.config.tenant }
  expect(await doctor()).toMatchObject({ ok: false, detail: { with_other_bytes: [expect.objectContaining(found)] } })
  await put(bytes)
  await want(34)
  const isGood = async () => {
    await ask(34)
    return ((await integrity())?.score ?? 0) > 0
  }
  await until('it is good again', isGood, { withinMs: 30_000 })
  expect(await doctor()).toMatchObject({ ok: true })
  expect(await database.rows({ name: '', text: 'select 1 from original_mismatch' }, [])).toHaveLength(1)
})

test('a product sees its own derivatives', async () => {
  const { asset } = await system.upload(Buffer.concat([jpeg, Buffer.from(randomUUID())]))
  const all = await provenance(asset, { key: ADMIN_KEY })
  const own = await provenance(asset)
  expect(new Set(own.lineage.map(({ product }) => product))).toEqual(new Set(['shop-web']))
  expect(all.lineage.length).toBeGreaterThan(own.lineage.length)
})

describe('what a sender knows of the thing', () => {
  const hints = { legacy_id: 'A-77', photographer: 'Ada, ada@example.org' }

  test('is kept with each version, by any entrance, beside what the entrance knows', async () => {
    const said = encodeURIComponent(JSON.stringify(hints))
    const { asset } = await system.upload(
      Buffer.concat([jpeg, Buffer.from(randomUUID())]),
      `collection=product-photo&identity_hints=${said}`,
    )
    expect(await provenance(asset)).toMatchObject({ identity_hints: hints, hints: {}, trust: 3 })
    const path = `http://127.0.0.1:${source.port}/media/hinted.jpg`
    const body = { source_url: path, identity_hints: { legacy_id: 'A-78' } }
    await expectJson(send('POST', `/v1/assets/${asset}/versions`, { key: shop(), body }), 201)
    expect(await provenance(asset, { version: 2 })).toMatchObject({
      identity_hints: { legacy_id: 'A-78' },
      hints: { fetched_from: path },
      trust: 2,
    })
    expect((await provenance(asset)).identity_hints).toEqual(hints)
  })

  test('is for those who may write, in no event and no audit, and forgotten with the version', async () => {
    const secret = `secret-${randomUUID()}`
    const said = encodeURIComponent(JSON.stringify({ photographer: secret }))
    const { asset } = await system.upload(
      Buffer.concat([jpeg, Buffer.from(randomUUID())]),
      `collection=product-photo&identity_hints=${said}`,
    )
    expect(await provenance(asset, { key: system.keys['partner-api'] })).not.toHaveProperty('identity_hints')
    expect((await provenance(asset, { key: ADMIN_KEY })).identity_hints).toEqual({ photographer: secret })
    const written = async () => {
      const found = await system.core.database.rows<{ at: string }>(
        {
          name: 'hints_written',
          text: `select 'event' as at from event where data::text like $1 union all select 'audit' from audit where after::text like $1
                 union all select 'provenance' from provenance where identity_hints::text like $1`,
        },
        [`%${secret}%`],
      )
      return found.map(({ at }) => at)
    }
    expect(await written()).toEqual(['provenance'])
    const erase = { key: ADMIN_KEY, headers: { 'If-Match': '*' }, body: { reason: 'legal' } }
    await expectJson(send('POST', `/v1/assets/${asset}/erase`, erase), 202)
    await advanceErasures(system.core)
    expect(await written()).toEqual([])
  })
})

test('there is none of a version that is not there', async () => {
  const { asset } = await system.upload(Buffer.concat([jpeg, Buffer.from(randomUUID())]))
  for (const path of [`${asset}/versions/2`, `${asset}/versions/0`, `${randomUUID()}/versions/1`])
    await expectRefusal(send('GET', `/v1/assets/${path}/provenance`, { key: shop() }), 404, 'not-found')
})

test('an erasure forgets it', async () => {
  const asset = await byUrl('/media/forgotten.jpg')
  const rows = () =>
    system.core.database.rows({ name: '', text: 'select hints from provenance where asset_id = $1' }, [asset])
  expect(await rows()).toHaveLength(1)
  const headers = { 'If-Match': '*' }
  await expectJson(
    send('POST', `/v1/assets/${asset}/erase`, { key: ADMIN_KEY, headers, body: { reason: 'legal' } }),
    202,
  )
  await advanceErasures(system.core)
  expect(await rows()).toEqual([])
})
