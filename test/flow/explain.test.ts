/**
 * An explanation is the answer, told: for whoever asks, for whatever, in whichever state, it ends as a resolve does, and it
 * leaves everything as it was.
 */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { claimNodes, failNode } from '../../src/manifest/nodes.ts'
import { writeDeliveryPath } from '../../src/model/delivery-path.ts'
import type { Format } from '../../src/model/recipe.ts'
import { query } from '../faults/intact.ts'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send, settled } from '../support/http.ts'
import { paint } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

interface Step {
  readonly step: string
  readonly input: unknown
  readonly result: unknown
  readonly us: number
}
interface Explained {
  readonly outcome: string
  readonly status: number
  readonly steps: readonly Step[]
  readonly text: string
}

let system: System
let send: Send
/** Secrets by who they are of, and ids. */
const keys: Record<string, { id: string; secret: string }> = {}
const assets: Record<string, string> = {}
const PRODUCTS = ['owner', 'reader', 'guest', 'stranger'] as const
const RENDITIONS = ['small', 'lazy', 'hidden', 'original', 'nothing'] as const

const admin = (method: string, path: string, body?: object) =>
  send(method, path, { key: ADMIN_KEY, ...(body && { body }) })
const ifMatch = { 'If-Match': '*' }
const picture = (seed: number) =>
  paint({ width: 24, height: 16 }, (x, y) => [seed % 256, (x * 9) % 256, (y * 13) % 256])
    .png()
    .toBuffer()
const upload = async (bytes: Uint8Array, query = ''): Promise<string> =>
  (await system.upload(bytes, `collection=gallery${query}`, { key: keys.owner?.secret })).asset

beforeAll(async () => {
  system = await startSystem()
  send = await openClient(system)
  for (const product of PRODUCTS) {
    await admin('PUT', `/v1/products/${product}`, { display_name: product })
    keys[product] = await expectJson(admin('POST', `/v1/products/${product}/keys`, {}), 201)
  }
  keys.narrow = await expectJson(admin('POST', '/v1/products/owner/keys', { scopes: ['assets:read'] }), 201)
  keys.revoked = await expectJson(admin('POST', '/v1/products/owner/keys', {}), 201)
  await admin('PUT', '/v1/collections/gallery', { owner: 'owner' })
  await admin('PUT', '/v1/collections/gallery/grants/reader', { role: 'reader', original_access: true })
  await admin('PUT', '/v1/collections/gallery/grants/guest', {
    role: 'reader',
    visibility: 'public',
    expires_at: new Date(Date.now() + 3_600_000).toISOString(),
  })
  for (const product of ['owner', 'reader', 'guest']) {
    const path = `/v1/collections/gallery/products/${product}/renditions`
    await expectJson(admin('PUT', `${path}/small`, { recipe: { resize: { w: 12 }, formats: ['webp', 'jpeg'] } }), 201)
    const lazy = { recipe: { resize: { w: product === 'guest' ? 9 : 8 }, formats: ['jpeg'] }, lane: 'lazy' }
    await expectJson(admin('PUT', `${path}/lazy`, lazy), 201)
  }
  assets.ready = await upload(await picture(1))
  assets.archived = await upload(await picture(2))
  assets.erased = await upload(await picture(3))
  assets.dead = await upload(await picture(4))
  assets.text = await upload(new TextEncoder().encode('no picture'))
  await settled(system)
  await system.worker?.drain()
  assets.unmade = await upload(await picture(5), '&publish=now')
  assets.unpublished = await upload(await picture(6))
  assets.manual = await upload(new TextEncoder().encode('by hand'), '&publish=manual')
  assets.missing = crypto.randomUUID()
  await send('POST', `/v1/assets/${assets.archived}/archive`, { key: ADMIN_KEY, headers: ifMatch })
  await expectJson(admin('POST', `/v1/assets/${assets.erased}/erase`, { reason: 'test' }), 202)
  await send('DELETE', `/v1/keys/${keys.revoked?.id}`, { key: ADMIN_KEY, headers: ifMatch })
  await kill(assets.dead ?? '')
}, 60_000)
afterAll(() => system.close())

/** The lazy rendition of the owner, which nobody has had made, fails for good. */
const kill = async (asset: string): Promise<void> => {
  await send('GET', `/v1/products/owner/assets/${asset}/renditions/lazy`, { key: keys.owner?.secret })
  const [{ original = '' } = {}] = await query<{ original: string }>(
    system.core,
    `select encode(sha256, 'hex') as original from asset_version where asset_id = $1`,
    [asset],
  )
  const wish = { tenant: system.config.tenant, original, owner: 'test', limit: 10, leaseMs: 60_000 }
  const cause = { actor: 'test', correlationId: 'test' }
  for (const node of await claimNodes(system.core.database, wish))
    await failNode(system.core.database, {
      node,
      code: 'timed-out',
      retryable: false,
      crashed: false,
      retryAfterMs: 0,
      cause,
    })
}

/** As the one asks, so the other: by headers, or by the body. */
interface Ask {
  readonly who: string
  readonly product: string
  readonly asset: string
  readonly rendition: string
  readonly format: Format | 'auto'
  readonly version: number | undefined
  readonly accept: string
}

const rows = (ask: Ask) => `${ask.product}/assets/${ask.asset}/renditions/${ask.rendition}`
const queryOf = ({ format, version }: Ask) =>
  new URLSearchParams({ format, ...(version !== undefined && { version: String(version) }) })

const resolved = async (ask: Ask): Promise<{ status: number; code?: string; format?: string }> => {
  const key = ask.who === 'admin' ? ADMIN_KEY : keys[ask.who]?.secret
  const isNobody = ask.who === 'anonymous'
  // Nobody in particular asks by the delivery URL: the API wants a key.
  const path = isNobody ? writeDeliveryPath(ask) : `/v1/products/${rows(ask)}?${queryOf(ask)}`
  const response = await send('GET', path, {
    ...(key && { key }),
    // What stands in for it in a page is no part of what is explained.
    headers: { Accept: ask.accept, Prefer: 'wait=0, fallback=none' },
  })
  const text = response.status >= 400 ? ((await response.json()) as { code: string }) : undefined
  return { status: response.status, ...(text && { code: text.code }) }
}

const explained = ({ who, product, accept, version, ...ask }: Ask): Promise<Explained> => {
  const as = who === 'admin' ? undefined : who === 'anonymous' ? 'anonymous' : { key: keys[who]?.id }
  const body = { ...ask, accept, ...(version !== undefined && { version }), ...(as && { as }) }
  return expectJson<Explained>(admin('POST', `/v1/products/${product}/resolve/explain`, body), 200)
}

/** Without a library: the same asks in the same order each time, spread over all of them. */
const pick = <T>(items: readonly T[], seed: string): T => {
  const digest = createHash('sha256').update(seed).digest()
  return items[digest.readUInt32BE(0) % items.length] as T
}
const ASKS = 240
const askOf = (n: number): Ask => ({
  who: pick(['owner', 'reader', 'guest', 'stranger', 'narrow', 'revoked', 'admin', 'anonymous'], `who ${n}`),
  product: pick(['owner', 'owner', 'reader', 'guest'], `product ${n}`),
  asset: assets[pick([...Object.keys(assets), 'ready', 'ready'], `asset ${n}`)] ?? '',
  rendition: pick(RENDITIONS, `rendition ${n}`),
  format: pick(['auto', 'auto', 'jpeg', 'webp', 'avif'], `format ${n}`),
  version: pick([undefined, undefined, 1, 2], `version ${n}`),
  accept: pick(['*/*', 'image/webp,*/*', 'image/png'], `accept ${n}`),
})

const work = () =>
  query(
    system.core,
    'select (select count(*)::int from node) as nodes, (select count(*)::int from leaf) as leaves, (select max(queued_at) from node) as queued',
  )

test('ends as a resolve does, for everybody, everything and every state, and does nothing', async () => {
  const seen = new Map<string, number>()
  for (let n = 0; n < ASKS; n++) {
    const ask = askOf(n)
    const before = await work()
    const { outcome, status, steps } = await explained(ask)
    expect(await work()).toEqual(before)
    const answer = await resolved(ask)
    const what = JSON.stringify({ n, ...ask, asset: Object.keys(assets).find(name => assets[name] === ask.asset) })
    expect({ status, code: answer.code && outcome }, what).toEqual({ status: answer.status, code: answer.code })
    expect(steps.every(({ us }) => Number.isInteger(us) && us >= 0)).toBe(true)
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
  }
  for (const outcome of [
    'ready',
    'ready: jpeg',
    'ready: webp',
    'pending',
    'not-found',
    'forbidden',
    'unauthenticated',
    'asset-archived',
    'asset-erased',
    'not-ready',
    'unsupported-transform',
    'rendition-failed',
  ])
    expect([...seen.keys()]).toContain(outcome)
}, 120_000)

const small = (product: string, asset = assets.ready) => `/v1/products/${product}/assets/${asset}/renditions/small`

describe('?explain=1', () => {
  test('answers a product about itself, in place of the answer', async () => {
    const response = await send('GET', `${small('owner')}?explain=1`, { key: keys.owner?.secret })
    expect(response.headers.get('cache-control')).toBe('no-store')
    const { steps, outcome, status, text } = await expectJson<Explained>(response, 200)
    expect({ outcome, status }).toEqual({ outcome: 'ready: jpeg', status: 302 })
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
    const by = Object.fromEntries(steps.map(({ step, result }) => [step, result]))
    expect(by.policy).toMatchObject({ effect: 'allow', rule: 'role:owner' })
    expect(by.delivery).toMatchObject({
      url_expires_at: expect.stringMatching(/Z$/),
      bounded_by: 'window',
      cache_tag: expect.stringContaining(`a:${assets.ready}`),
      cache_control: expect.stringMatching(/^private/),
      kept_by_gateways: expect.any(Boolean),
    })
    expect(text).toContain('=> 302 ready: jpeg')
    expect(text).not.toContain('X-Amz-Signature')
  })

  test('says the same as the route of its own', async () => {
    const strip = ({ steps, text: _, ...rest }: Explained) => ({
      ...rest,
      steps: steps.map(({ us: __, ...step }) => step),
    })
    const query = await expectJson<Explained>(
      send('GET', `${small('guest')}?explain=1&format=jpeg&delivery=redirect&version=1`, { key: keys.guest?.secret }),
      200,
    )
    const body = { asset: assets.ready, rendition: 'small', format: 'jpeg', version: 1 }
    const posted = await expectJson<Explained>(
      send('POST', '/v1/products/guest/resolve/explain', { key: keys.guest?.secret, body }),
      200,
    )
    expect(strip(query)).toEqual(strip(posted))
    expect(query.steps.at(-1)?.result).toMatchObject({ bounded_by: 'window' })
  })

  test('tells a stranger what a resolve does, of what is there as of what is not', async () => {
    const told = async (path: string) => {
      const response = await send('GET', path, { key: keys.stranger?.secret })
      const headers = [...response.headers]
        .filter(([name]) => !/^(x-request-id|x-correlation-id|traceparent|server-timing|ratelimit.*)$/.test(name))
        .sort()
      return { status: response.status, headers, body: (await response.text()).replace(/req_[\w-]+/, '') }
    }
    for (const product of ['stranger', 'owner']) {
      const there = await told(`${small(product)}?explain=1`)
      expect(there.status).toBe(404)
      expect(await told(`${small(product, assets.missing)}?explain=1`)).toEqual(there)
      expect(await told(small(product))).toEqual(there)
    }
    for (const asset of [assets.archived, assets.erased])
      await expectRefusal(
        send('GET', `${small('stranger', asset)}?explain=1`, { key: keys.stranger?.secret }),
        404,
        'not-found',
      )
    await expectRefusal(send('GET', `${small('owner')}?explain=1`), 401, 'unauthenticated')
  })

  test('is asked for strictly', async () => {
    for (const query of ['explain=yes', 'as=owner', 'explain=0&as=owner', 'explain=1&as=A B', 'explain=1&explain=1'])
      await expectRefusal(send('GET', `${small('owner')}?${query}`, { key: ADMIN_KEY }), 400, 'invalid-request')
    await expectRefusal(
      send('GET', `${small('owner')}?explain=1&as=guest`, { key: keys.owner?.secret }),
      403,
      'forbidden',
    )
    await expectRefusal(send('GET', `${small('owner')}?explain=1&as=key_none`, { key: ADMIN_KEY }), 404, 'not-found')
    expect((await send('GET', `${small('owner')}?explain=0`, { key: keys.owner?.secret })).status).toBe(302)
  })
})

describe('an administrator asks why', () => {
  const why = async (product: string, as: unknown, rendition = 'small', more: object = {}) =>
    expectJson<Explained>(
      admin('POST', `/v1/products/${product}/resolve/explain`, { asset: assets.ready, rendition, as, ...more }),
      200,
    )
  const rulesOf = ({ steps }: Explained): { rule: string; result: string }[] => {
    const found = steps.find(({ step }) => step === 'policy')?.result as { rules: never[] } | undefined
    return found?.rules ?? []
  }

  test('a key is refused, and hears every rule in order with its result', async () => {
    const refused = await why('owner', { key: keys.narrow?.id })
    expect(refused).toMatchObject({ outcome: 'forbidden', status: 403 })
    const rules = rulesOf(refused)
    expect(rules.find(({ result }) => result === 'forbid')).toEqual({ rule: 'scope-missing:resolve', result: 'forbid' })
    expect(
      rules
        .slice(
          0,
          rules.findIndex(({ result }) => result === 'forbid'),
        )
        .every(({ result }) => result === 'passed'),
    ).toBe(true)
    expect(await why('owner', { key: keys.revoked?.id })).toMatchObject({ outcome: 'unauthenticated', status: 401 })
  })

  test('a product is, with the scopes it might have, or by its name alone', async () => {
    expect(await why('stranger', { product: 'stranger' })).toMatchObject({ outcome: 'not-found', status: 404 })
    expect(rulesOf(await why('stranger', { product: 'stranger' })).find(({ result }) => result === 'hide')?.rule).toBe(
      'no-grant',
    )
    expect(await why('reader', { product: 'reader', scopes: [] })).toMatchObject({ outcome: 'forbidden' })
    expect(await why('reader', { product: 'reader' }, 'original')).toMatchObject({ outcome: 'ready' })
    const byQuery = await expectJson<Explained>(admin('GET', `${small('guest')}?explain=1&as=stranger`), 200)
    expect(rulesOf(byQuery).find(({ result }) => result === 'hide')?.rule).toBe('other-product')
  })

  test('the public is, and where somebody sits counts', async () => {
    expect(await why('guest', 'anonymous')).toMatchObject({ outcome: 'ready: jpeg' })
    expect(await why('owner', 'anonymous')).toMatchObject({ outcome: 'not-found', status: 404 })
    const cell = '/v1/collections/gallery/grants/stranger'
    await expectJson(admin('PUT', cell, { role: 'reader', conditions: { networks: ['10.1.0.0/16'] } }), 201)
    const inside = await why('stranger', { product: 'stranger' }, 'small', { address: '10.1.2.3' })
    expect(inside.steps.map(({ step }) => step)).toContain('pointer')
    const outside = await why('stranger', { product: 'stranger' }, 'small', { address: '10.2.2.3' })
    expect(rulesOf(outside).find(({ result }) => result === 'hide')?.rule).toBe('network-outside')
    await send('DELETE', cell, { key: ADMIN_KEY, headers: ifMatch })
  })

  test('and leaves nothing', async () => {
    await leavesNothing({ ...system, worker: undefined }, async () => {
      for (const rendition of RENDITIONS) await why('owner', { product: 'owner' }, rendition, { asset: assets.unmade })
    })
  })
})
