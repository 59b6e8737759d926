/** Facts are kept and only checked: nothing that changes them may be overlooked, whatever it is and wherever it was done. */
import { hash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openWarmReader } from '../../src/manifest/warm-read.ts'
import { expectJson, looked, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let jpeg: Buffer
let asset: string
let secret: string
let keyId: string
let now = Date.now()
let read: ReturnType<typeof openWarmReader>
let statements: string[] = []

const admin = (method: string, path: string, body?: object) =>
  system.call(method, path, { key: ADMIN_KEY, ...(body && { body }), headers: { 'If-Match': '*' } })
const fresh = (): Buffer => Buffer.concat([jpeg, Buffer.from(crypto.randomUUID())])

beforeAll(async () => {
  system = await startSystem()
  jpeg = await photo({ width: 500, height: 400 })
})
afterAll(() => system.close())

beforeEach(async () => {
  asset = (await system.upload(fresh())).asset
  await settled(system)
  await looked(system, asset)
  const made = await expectJson<{ id: string; secret: string }>(
    admin('POST', '/v1/products/shop-web/keys', {
      scopes: ['resolve'],
      expires_at: new Date(now + 60_000).toISOString(),
    }),
    201,
  )
  ;[secret, keyId] = [made.secret, made.id]
  const { database } = system.gateway
  read = openWarmReader({
    database: {
      ...database,
      hotRows: (statement, values) => {
        // There are two that check: what is asked most has one of its own.
        statements.push(statement.name.replace('_plain', ''))
        return database.hotRows(statement, values)
      },
    },
    clock: { now: () => now },
  })
  now = Date.now()
})

interface Asked {
  version?: number
  rendition?: string
  countSharers?: boolean
}

/** The facts, and what was asked of Postgres for them. */
const ask = async ({ version, rendition = 'card', countSharers = false }: Asked = {}) => {
  statements = []
  const secretHash = hash('sha256', secret)
  const facts = await read({ tenant: 'demo', secretHash, product: 'shop-web', asset, version, rendition, countSharers })
  return { facts, statements }
}

const WHOLE = ['resolve']
const CHECK = ['resolve_stamp']
const CHANGED = [...CHECK, ...WHOLE]

describe('what is final', () => {
  test.each<[string, Asked]>([
    ['the current version', {}],
    ['a pinned version', { version: 1 }],
    ['with its sharers', { countSharers: true }],
  ])('is read whole once, and then checked: %s', async (_, asked) => {
    const first = await ask(asked)
    expect(first.statements).toEqual(WHOLE)
    expect(first.facts.leaves[0]?.derivative).toBeDefined()
    const second = await ask(asked)
    expect(second.statements).toEqual(CHECK)
    expect(second.facts).toEqual({ ...first.facts, remembered: 'held' })
    expect((await ask(asked)).facts).toBe(second.facts)
  })

  test('is checked for many callers in one statement', async () => {
    await ask()
    statements = []
    const secretHash = hash('sha256', secret)
    const key = { tenant: 'demo', secretHash, product: 'shop-web', asset, version: undefined, rendition: 'card' }
    await Promise.all(Array.from({ length: 50 }, () => read({ ...key, countSharers: false })))
    expect(statements).toEqual(CHECK)
  })
})

describe('is read anew after', () => {
  const changes: Readonly<Record<string, () => Promise<unknown>>> = {
    'a publish': async () => {
      const { status } = await system.call('POST', `/v1/assets/${asset}/versions?publish=now`, {
        key: system.keys['shop-web'],
        body: new Uint8Array(fresh()),
      })
      expect(status).toBe(201)
      await settled(system)
    },
    'an archive': async () => expect((await admin('POST', `/v1/assets/${asset}/archive`)).ok).toBe(true),
    'a revoked key': async () => expect((await admin('DELETE', `/v1/keys/${keyId}`)).status).toBe(204),
    'another label': async () =>
      expect((await admin('PATCH', `/v1/assets/${asset}`, { labels: ['embargo'] })).ok).toBe(true),
    'another way of delivery': () => grant({ role: 'owner', delivery: 'stream' }),
    'a rendition with another recipe': async () => {
      const path = '/v1/collections/product-photo/products/shop-web/renditions/card'
      const recipe = { resize: { width: 100 + Math.floor(Math.random() * 200) }, formats: ['jpeg'] }
      expect((await admin('PUT', path, { recipe })).ok).toBe(true)
    },
    'an output that was taken away': () =>
      system.gateway.database.rows(
        {
          name: 'test_evict',
          text: `update node set state = 'EVICTED', output = null where state = 'DONE' and tenant_id = 'demo'`,
        },
        [],
      ),
  }
  const grant = async (edge: object) =>
    expect((await admin('PUT', '/v1/collections/product-photo/grants/shop-web', edge)).ok).toBe(true)

  test.each(Object.keys(changes))('%s', async change => {
    const before = (await ask()).facts
    await changes[change]?.()
    const after = await ask()
    expect(after.statements).toEqual(CHANGED)
    expect(after.facts).not.toEqual(before)
    await grant({ role: 'owner', original_access: true })
  })

  test('the state of a pinned version changed, though the current one did not', async () => {
    await changes['a publish']?.()
    await ask({ version: 1 })
    await system.gateway.database.rows(
      {
        name: 'test_purge',
        text: `update asset_version set state = 'PURGED' where tenant_id = $1 and asset_id = $2 and version = 1`,
      },
      ['demo', asset],
    )
    const after = await ask({ version: 1 })
    expect(after.statements).toEqual(CHANGED)
    expect(after.facts.version?.state).toBe('PURGED')
  })

  test('another product came to share it, where sharers are counted', async () => {
    const before = await ask({ countSharers: true })
    await system.gateway.database.rows(
      {
        name: 'test_share',
        text: `insert into leaf (tenant_id, asset_id, version, product_id, rendition, revision, format, position, required, eager, node_id)
               select tenant_id, asset_id, version, 'partner-api', 'like-card', 1, format, position, required, eager, node_id
               from leaf where tenant_id = 'demo' and asset_id = $1 and product_id = 'shop-web' and rendition = 'card'`,
      },
      [asset],
    )
    const after = await ask({ countSharers: true })
    expect(after.statements).toEqual(CHANGED)
    expect(after.facts.leaves[0]?.sharedWith).toBe((before.facts.leaves[0]?.sharedWith ?? 0) + 1)
  })

  test('the key ended by itself', async () => {
    await ask()
    now += 61_000
    expect((await ask()).statements).toEqual(WHOLE)
  })
})

test('what can still get better is read whole each time', async () => {
  asset = (await system.upload(fresh())).asset
  await system.gateway.database.rows(
    {
      name: 'test_unfinish',
      text: `update node set state = 'QUEUED', output = null where state = 'DONE' and tenant_id = 'demo'`,
    },
    [],
  )
  await ask()
  expect((await ask()).statements).toEqual(WHOLE)
})
