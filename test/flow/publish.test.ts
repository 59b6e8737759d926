import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

interface Publication {
  asset: string
  version: number
  publication: number
  previous_version?: number
}

let system: System
let send: Send
let jpeg: Buffer
beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
  jpeg = await photo({ width: 320, height: 200 })
})
afterAll(() => system.close())

const fresh = (): Buffer => Buffer.concat([jpeg, Buffer.from(crypto.randomUUID())])
const key = (): string => system.keys['shop-web']
const create = async (publish: string): Promise<string> =>
  (await system.upload(fresh(), `collection=product-photo&publish=${publish}`)).asset
const addVersion = (asset: string, publish: string) =>
  expectJson<{ version: number; state: string }>(
    send('POST', `/v1/assets/${asset}/versions?publish=${publish}`, { key: key(), body: new Uint8Array(fresh()) }),
    201,
  )
const stateOf = async (asset: string, version: number): Promise<unknown> =>
  (await expectJson(send('GET', `/v1/assets/${asset}/versions/${version}`, { key: key() }), 200)).state
const reaches = (asset: string, version: number, state: string) =>
  until(`version ${version} is ${state}`, async () => (await stateOf(asset, version)) === state, { withinMs: 20_000 })
const act = (asset: string, verb: string, body?: object, ifMatch: string | undefined = '*') =>
  send('POST', `/v1/assets/${asset}/${verb}`, {
    key: key(),
    ...(body && { body }),
    headers: ifMatch === undefined ? {} : { 'If-Match': ifMatch },
  })
const shown = async (asset: string): Promise<unknown> =>
  (await expectJson(send('GET', `/v1/assets/${asset}`, { key: key() }), 200)).version
const card = (asset: string, query = '') =>
  send('GET', `/v1/products/shop-web/assets/${asset}/renditions/card${query}`, {
    key: key(),
    headers: { Accept: 'application/json' },
  })

describe('a version is shown', () => {
  test('when-ready: once everything that its products require is there', async () => {
    const asset = await create('when-ready')
    await reaches(asset, 1, 'ACTIVE')
    expect(await expectJson(send('GET', `/v1/assets/${asset}`, { key: key() }), 200)).toMatchObject({
      status: 'ACTIVE',
      version: 1,
      publication: 1,
    })
    const { products } = await expectJson<{ products: { status: string }[] }>(
      send('GET', `/v1/assets/${asset}/versions/1/completeness`, { key: ADMIN_KEY }),
      200,
    )
    expect(products.map(({ status }) => status)).toEqual(['COMPLETE', 'COMPLETE', 'COMPLETE'])
  })

  test('now: before anything is', async () => {
    const asset = await create('now')
    expect(await stateOf(asset, 1)).toBe('ACTIVE')
    expect(await addVersion(asset, 'now')).toMatchObject({ version: 2, state: 'ACTIVE' })
    expect(await shown(asset)).toBe(2)
  })

  test('manual: when somebody says so', async () => {
    const asset = await create('manual')
    await reaches(asset, 1, 'READY')
    await expectRefusal(card(asset), 409, 'not-ready')
    expect(await expectJson(send('GET', `/v1/assets/${asset}`, { key: key() }), 200)).toMatchObject({
      status: 'PENDING',
    })
    const response = await act(asset, 'publish', { version: 1 }, '"p0"')
    expect(response.headers.get('etag')).toBe('"p1"')
    expect(response.headers.get('matrix-publication')).toBe('1')
    expect(await expectJson(response, 200)).toEqual({ asset, version: 1, publication: 1 })
    await expectJson(card(asset), 200)
  })
})

test('the pointer moves for everybody at once, and the version before stays to be had by its number', async () => {
  const asset = await create('when-ready')
  await reaches(asset, 1, 'ACTIVE')
  const before = await expectJson(card(asset), 200)
  await addVersion(asset, 'when-ready')
  await reaches(asset, 2, 'ACTIVE')
  expect(await stateOf(asset, 1)).toBe('ARCHIVED')
  expect(await expectJson(card(asset), 200)).toMatchObject({ version: 2, publication: 2 })
  expect(await expectJson(card(asset, '?version=1'), 200)).toMatchObject({ version: 1, digest: before.digest })
})

test('an older version that becomes ready late does not take the pointer back', async () => {
  const asset = await create('manual')
  await reaches(asset, 1, 'READY')
  await addVersion(asset, 'now')
  expect(await shown(asset)).toBe(2)
  expect(await stateOf(asset, 1)).toBe('READY')
})

describe('If-Match', () => {
  test('is required, and names the publication that the caller has seen', async () => {
    const asset = await create('when-ready')
    await reaches(asset, 1, 'ACTIVE')
    const { headers } = await send('GET', `/v1/assets/${asset}`, { key: key() })
    expect(headers.get('etag')).toBe('"p1"')
    await leavesNothing(system, async () => {
      for (const [verb, body] of [['publish', { version: 1 }], ['archive'], ['restore']] as const) {
        const path = `/v1/assets/${asset}/${verb}`
        const bare = await send('POST', path, { key: key(), ...(body && { body }) })
        await expectRefusal(bare, 428, 'precondition-required')
        for (const tag of ['"p0"', '"p2"', 'p1', 'W/"p1"', '"p1', '', '"x"', '"p99999999999999999999"'])
          await expectRefusal(act(asset, verb, body, tag), 412, 'precondition-failed')
      }
    })
    await addVersion(asset, 'manual')
    await reaches(asset, 2, 'READY')
    await expectJson(act(asset, 'publish', { version: 2 }, '"p1"'), 200)
    await leavesNothing(system, () =>
      expectRefusal(act(asset, 'publish', { version: 1 }, '"p1"'), 412, 'precondition-failed'),
    )
    await leavesNothing(system, () => expectRefusal(act(asset, 'rollback', {}, '"p1"'), 412, 'precondition-failed'))
  })

  test('answers 304 to who has seen the present state', async () => {
    const asset = await create('now')
    const get = (tag: string) => send('GET', `/v1/assets/${asset}`, { key: key(), headers: { 'If-None-Match': tag } })
    for (const tag of ['"p1"', 'W/"p1"', '"p0", "p1"', '*']) {
      const response = await get(tag)
      expect(response.status).toBe(304)
      expect(response.headers.get('etag')).toBe('"p1"')
    }
    expect((await get('"p0"')).status).toBe(200)
  })
})

describe('publish', () => {
  test('of the current version changes nothing', async () => {
    const asset = await create('when-ready')
    await reaches(asset, 1, 'ACTIVE')
    await leavesNothing(system, async () => {
      expect(await expectJson(act(asset, 'publish', { version: 1 }), 200)).toEqual({
        asset,
        version: 1,
        publication: 1,
      })
    })
  })

  test('refuses what is not there and what does not fit', async () => {
    const asset = await create('when-ready')
    await reaches(asset, 1, 'ACTIVE')
    await leavesNothing(system, async () => {
      await expectRefusal(act(asset, 'publish', { version: 2 }), 404, 'not-found')
      await expectRefusal(act(crypto.randomUUID(), 'publish', { version: 1 }), 404, 'not-found')
      for (const body of [
        {},
        { version: 0 },
        { version: 1.5 },
        { version: '1' },
        { version: 2 ** 31 },
        { version: 1, x: 1 },
        { version: null },
      ])
        await expectRefusal(act(asset, 'publish', body), 422, 'contract-violation')
    })
  })

  test('of what is not complete names what blocks', async () => {
    const idle = await startSystem({ worker: false })
    try {
      const ask = await openClient(idle)
      const { asset } = await idle.upload(fresh())
      const problem = await expectRefusal(
        ask('POST', `/v1/assets/${asset}/publish`, {
          key: idle.keys['shop-web'],
          body: { version: 1 },
          headers: { 'If-Match': '*' },
        }),
        409,
        'not-ready',
      )
      expect(problem).toMatchObject({ retryable: true, retry_after: 1, state: 'PROCESSING' })
      const blocking = problem.blocking as { product: string; rendition: string; format: string; state: string }[]
      expect(blocking.map(({ product, rendition, format }) => `${product}/${rendition}.${format}`).sort()).toEqual([
        'mobile/hero.jpeg',
        'mobile/hero.webp',
        'mobile/tile.jpeg',
        'partner-api/feed.jpeg',
        'shop-web/card.jpeg',
        'shop-web/hero.jpeg',
        'shop-web/hero.webp',
      ])
    } finally {
      await idle.close()
    }
  })
})

test('a rollback shows what was shown before, or what is asked for', async () => {
  const asset = await create('when-ready')
  await reaches(asset, 1, 'ACTIVE')
  await leavesNothing(system, () => expectRefusal(act(asset, 'rollback', {}), 409, 'nothing-to-roll-back'))
  for (const version of [2, 3]) {
    await addVersion(asset, 'when-ready')
    await reaches(asset, version, 'ACTIVE')
  }
  const back = await expectJson<Publication>(act(asset, 'rollback', {}, '"p3"'), 200)
  expect(back).toEqual({ asset, version: 2, previous_version: 3, publication: 4 })
  expect(await shown(asset)).toBe(2)
  expect(await expectJson<Publication>(act(asset, 'rollback', { to: 1 }), 200)).toMatchObject({
    version: 1,
    publication: 5,
  })
  expect(await expectJson(card(asset), 200)).toMatchObject({ version: 1, publication: 5 })
  await expectRefusal(act(asset, 'rollback', { to: 9 }), 404, 'not-found')
  await expectRefusal(act(asset, 'rollback', { to: 1, reason: 'x' }), 422, 'contract-violation')
})

test('an archived asset is gone for everybody until it is restored', async () => {
  const asset = await create('when-ready')
  await reaches(asset, 1, 'ACTIVE')
  const archived = await act(asset, 'archive', undefined, '"p1"')
  expect(archived.headers.get('etag')).toBe('"p1"')
  expect(await expectJson(archived, 200)).toMatchObject({ id: asset, status: 'ARCHIVED', publication: 1 })
  for (const query of ['', '?version=1', '?delivery=stream', '?delivery=redirect'])
    await expectRefusal(card(asset, query), 410, 'asset-archived')
  await expectRefusal(send('GET', `/i/shop-web/${asset}/v1/card.jpg`, { key: key() }), 410, 'asset-archived')
  await expectRefusal(send('GET', `/i/shop-web/${asset}/v1/original`, { key: key() }), 410, 'asset-archived')
  await expectRefusal(act(asset, 'publish', { version: 1 }), 410, 'asset-archived')
  const entry = await expectJson(send('GET', `/v1/assets/${asset}`, { key: key() }), 200)
  expect(entry).toMatchObject({ status: 'ARCHIVED', archived_at: expect.stringMatching(/^\d{4}-.*Z$/) })
  await leavesNothing(system, async () => expect((await act(asset, 'archive')).status).toBe(200))
  const restored = await expectJson(act(asset, 'restore'), 200)
  expect(restored).toMatchObject({ id: asset, status: 'ACTIVE', version: 1 })
  expect(restored.archived_at).toBeUndefined()
  await expectJson(card(asset), 200)
  await leavesNothing(system, async () => expect((await act(asset, 'restore')).status).toBe(200))
})
