/** The log as products hear it: pages, single events, and the stream. */
import { CloudEvent } from 'cloudevents'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Envelope } from '../../src/events/envelope.ts'
import { appendFacts, sequenceEvents } from '../../src/manifest/events.ts'
import type { Fact } from '../../src/model/event.ts'
import { expectJson, expectRefusal, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

interface Page {
  readonly items: readonly (Envelope & { readonly data: Record<string, unknown> })[]
  readonly next_after: number
  readonly head: number
}
type Product = keyof System['keys']

let system: System
let socket: Awaited<ReturnType<typeof openSocketClient>>
let send: Send
let jpeg: Buffer
beforeAll(async () => {
  system = await startSystem()
  socket = await openSocketClient(system)
  send = socket.send
  jpeg = await photo({ width: 64, height: 48 })
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

const fresh = (): Buffer => Buffer.concat([jpeg, Buffer.from(crypto.randomUUID())])
const page = (query = '', key: string = ADMIN_KEY): Promise<Page> =>
  expectJson<Page>(send('GET', `/v1/events?${query}`, { key }), 200)
/** From a number to the end, as a consumer reads it. */
const readAll = async (query: string, key: string, limit = 500): Promise<Page['items']> => {
  const items: Page['items'][number][] = []
  const from = /after=(\d+)/.exec(query)?.[1] ?? '0'
  for (let after = Number(from), moved = true; moved; ) {
    const read = await page(`${query.replace(/after=\d+&?/, '')}&after=${after}&limit=${limit}`, key)
    items.push(...read.items)
    moved = read.next_after !== after
    after = read.next_after
  }
  return items
}
const published = async (): Promise<string> => {
  const { asset } = await system.upload(fresh())
  await settled(system)
  await sequenceEvents(system.core.database)
  return asset
}
const typesOf = (items: Page['items']): string[] => items.map(({ type }) => type)
const short = (items: Page['items']): string[] => typesOf(items).map(type => type.replace(/^io\.matrix\.|\.v1$/g, ''))
const grant = (product: Product, body: object | undefined, headers: Record<string, string> = { 'If-Match': '*' }) =>
  send(body ? 'PUT' : 'DELETE', `/v1/collections/product-photo/grants/${product}`, {
    key: ADMIN_KEY,
    ...(body && { body }),
    headers,
  })

describe('pages', () => {
  test('every event is a CloudEvent, and the log goes on without gaps', async () => {
    const asset = await published()
    const items = await readAll('', ADMIN_KEY, 3)
    for (const item of items) expect(() => new CloudEvent(item as never, true)).not.toThrow()
    expect(items.map(({ sequence }) => Number(sequence))).toEqual(items.map((_, place) => place + 1))
    expect([...items].map(({ sequence }) => sequence).sort()).toEqual(items.map(({ sequence }) => sequence))
    const own = items.filter(({ subject }) => subject === `assets/${asset}`)
    expect(own.map(({ data }) => data.asset_event_no)).toEqual(own.map((_, place) => place + 1))
    expect(short(own).slice(0, 2)).toEqual(['asset.created', 'asset.version_created'])
    expect(own.find(({ type }) => type === 'io.matrix.asset.published.v1')).toMatchObject({
      source: '/t/demo',
      partitionkey: asset,
      data: { asset, version: 1, publication: 1, previous_version: null, mutation: 'UPDATED' },
    })
  })

  test('of one asset, of some types, one by one', async () => {
    const asset = await published()
    await published()
    const all = await readAll(`subject=assets/${asset}`, ADMIN_KEY)
    expect(new Set(all.map(({ subject }) => subject))).toEqual(new Set([`assets/${asset}`]))
    expect(await readAll(`subject=assets/${asset}`, ADMIN_KEY, 1)).toEqual(all)
    const later = all.slice(2)
    expect(await readAll(`subject=assets/${asset}&after=${Number(all[1]?.sequence)}`, ADMIN_KEY)).toEqual(later)
    const some = await readAll(`subject=assets/${asset}&types=asset.published,asset.created`, ADMIN_KEY)
    expect(short(some)).toEqual(['asset.created', 'asset.published'])
    const one = await expectJson(send('GET', `/v1/events/${all[0]?.id}`, { key: ADMIN_KEY }), 200)
    expect(one).toEqual(all[0])
  })

  test('an end is an end: nothing more, and the same number to ask with again', async () => {
    await published()
    const { head } = await page()
    expect(await page(`after=${head}`)).toEqual({ items: [], next_after: head, head })
    expect(await page(`after=${head + 10}`)).toMatchObject({ items: [], next_after: head + 10 })
  })

  test.each([
    'after=-1',
    'after=x',
    'types=asset.invented',
    'types=',
    'subject=assets',
    'subject=products/x',
    'limit=0',
    'invented=1',
  ])('%s is refused', async query => {
    await expectRefusal(send('GET', `/v1/events?${query}`, { key: ADMIN_KEY }), 400, 'invalid-request')
  })

  test('a fact that is not what the catalogue says is never committed', async () => {
    const asset = await published()
    const before = await readAll(`subject=assets/${asset}`, ADMIN_KEY)
    const wrong = { type: 'asset.deleted', data: { asset, because: 'of that' } } as unknown as Fact
    const cause = { actor: 'test', correlationId: 'test' }
    const appended = system.core.database.transaction(tx =>
      appendFacts(tx, { tenant: 'demo', asset, cause, facts: [wrong] }),
    )
    await expect(appended).rejects.toThrow('because')
    await sequenceEvents(system.core.database)
    expect(await readAll(`subject=assets/${asset}`, ADMIN_KEY)).toEqual(before)
  })
})

describe('who hears', () => {
  const heard = async (product: Product, asset: string): Promise<string[]> =>
    short(await readAll(`subject=assets/${asset}`, system.keys[product]))

  test('readers hear what is shown, editors of drafts too, and each of its own renditions alone', async () => {
    const asset = await published()
    const [owner, editor, reader] = [
      await heard('shop-web', asset),
      await heard('mobile', asset),
      await heard('partner-api', asset),
    ]
    expect(owner).toEqual(expect.arrayContaining(['asset.created', 'asset.version_created', 'asset.published']))
    expect(reader).toEqual(expect.arrayContaining(['asset.created', 'asset.published']))
    expect(reader).not.toContain('asset.version_created')
    expect(editor.length).toBeGreaterThan(reader.length - 1)
    for (const product of ['shop-web', 'mobile', 'partner-api'] as const) {
      const renditions = (await readAll(`subject=assets/${asset}&types=rendition.ready`, system.keys[product])).map(
        ({ data }) => data.product,
      )
      expect(new Set(renditions)).toEqual(new Set([product]))
    }
    const all = await readAll(`subject=assets/${asset}&types=rendition.ready`, ADMIN_KEY)
    expect(new Set(all.map(({ data }) => data.product)).size).toBe(3)
  })

  test('a product whose grant is taken hears nothing more, of the past neither, and all of it once it is back', async () => {
    const asset = await published()
    const before = await heard('partner-api', asset)
    expect(before.length).toBeGreaterThan(0)
    const shown = await expectJson<{ role: string }>(
      send('GET', '/v1/collections/product-photo/grants/partner-api', { key: ADMIN_KEY }),
      200,
    )
    expect((await grant('partner-api', undefined)).status).toBe(204)
    const all = await page('limit=500', system.keys['partner-api'])
    expect(all.items).toEqual([])
    expect(all.next_after).toBe(all.head)
    const [known] = (await page(`subject=assets/${asset}`)).items
    const key = system.keys['partner-api']
    await expectRefusal(send('GET', `/v1/events/${known?.id}`, { key }), 404, 'not-found')
    await expectRefusal(send('GET', `/v1/events/${crypto.randomUUID()}`, { key }), 404, 'not-found')
    expect((await grant('partner-api', { role: shown.role }, {})).status).toBe(201)
    expect(await heard('partner-api', asset)).toEqual(before)
  })

  test('a failed version names to a product its own renditions and not those of others', async () => {
    const asset = await published()
    const blocking = (product: string) => ({
      ...{ product, rendition: 'x', format: 'jpeg', node: null, state: 'REFUSED', code: 'too-costly' },
    })
    const failed = [blocking('shop-web'), blocking('mobile')]
    const causes = failed.map(one => ({ cause: 'rendition-failed' as const, ...one }))
    const facts: Fact[] = [{ type: 'asset.version_failed', data: { asset, version: 1, failed: causes } }]
    const cause = { actor: 'test', correlationId: 'test' }
    await system.core.database.transaction(tx => appendFacts(tx, { tenant: 'demo', asset, cause, facts }))
    await sequenceEvents(system.core.database)
    const query = `subject=assets/${asset}&types=asset.version_failed`
    const [told] = await readAll(query, system.keys['shop-web'])
    expect(told?.data.failed).toEqual([failed[0]])
    expect((await readAll(query, ADMIN_KEY))[0]?.data.failed).toEqual(failed)
  })

  test('it takes the scope', async () => {
    const body = { label: 'deaf', scopes: ['resolve', 'assets:read'] }
    const { secret } = await expectJson<{ secret: string }>(
      send('POST', '/v1/products/mobile/keys', { key: ADMIN_KEY, body, headers: { 'Idempotency-Key': 'deaf' } }),
      201,
    )
    for (const path of ['/v1/events', '/v1/events/stream', `/v1/events/${crypto.randomUUID()}`])
      await expectRefusal(send('GET', path, { key: secret }), 403, 'forbidden')
  })
})

describe('the stream', () => {
  interface Told {
    readonly id: string | undefined
    readonly event: string
    readonly data: { readonly subject: string; readonly code?: string }
  }
  const leaving: AbortController[] = []
  beforeEach(() => {
    for (const one of leaving.splice(0)) one.abort()
  })

  /** What has been told so far, as it grows. */
  const listen = async (query: string, { key = system.keys['shop-web'], headers = {} } = {}) => {
    const leave = new AbortController()
    leaving.push(leave)
    const response = await fetch(`${socket.address}/v1/events/stream?${query}`, {
      signal: leave.signal,
      headers: { Authorization: `Bearer ${key}`, ...headers },
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const told: Told[] = []
    let hasEnded = false
    const read = async (): Promise<void> => {
      let text = ''
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk).toString()
        const blocks = text.split('\n\n')
        text = blocks.pop() ?? ''
        for (const block of blocks.filter(one => one.includes('event:')))
          told.push({
            id: /^id: (.*)$/m.exec(block)?.[1],
            event: /^event: (.*)$/m.exec(block)?.[1] ?? '',
            data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? '') as Told['data'],
          })
      }
    }
    void read()
      .catch(() => undefined)
      .finally(() => {
        hasEnded = true
      })
    return { told, leave: () => leave.abort(), hasEnded: () => hasEnded }
  }
  const open = async () => (await system.core.metrics.eventStreams.get()).values[0]?.value

  test('tells what happens from now on, and goes on where it ended', async () => {
    await until('earlier streams have been left', async () => (await open()) === 0)
    const { told, leave } = await listen('types=asset.published')
    const first = await published()
    await until('the first is told', () => told.length === 1)
    expect(told[0]).toMatchObject({ event: 'asset.published.v1', data: { subject: `assets/${first}` } })
    leave()
    await until('it is closed', async () => (await open()) === 0)
    const second = await published()
    const again = await listen('types=asset.published', { headers: { 'Last-Event-ID': told[0]?.id ?? '' } })
    await until('the second is told', () => again.told.length === 1)
    expect(again.told[0]?.data.subject).toBe(`assets/${second}`)
  })

  test('from a number on it tells what the pages tell', async () => {
    await published()
    const items = await readAll('', system.keys.mobile)
    const { told } = await listen('after=0', { key: system.keys.mobile })
    await until('all is told', () => told.length >= items.length)
    expect(told.slice(0, items.length).map(({ data }) => data)).toEqual(items)
    expect(told.map(({ id }) => Number(id))).toEqual(items.map(({ sequence }) => Number(sequence)))
  })

  test('who loses the key hears so, and nothing more', async () => {
    const made = await expectJson<{ id: string; secret: string }>(
      send('POST', '/v1/products/mobile/keys', {
        key: ADMIN_KEY,
        body: { label: 'short', scopes: ['events:read', 'assets:read'] },
        headers: { 'Idempotency-Key': 'short' },
      }),
      201,
    )
    const { told, hasEnded } = await listen('', { key: made.secret })
    await published()
    await until('it hears', () => told.length > 0)
    const revoked = await send('DELETE', `/v1/keys/${made.id}`, { key: ADMIN_KEY, headers: { 'If-Match': '*' } })
    expect(revoked.status).toBeLessThan(300)
    const known = told.length
    await published()
    await until('it has ended', hasEnded)
    expect(told.slice(known)).toEqual([{ id: undefined, event: 'problem', data: { code: 'unauthenticated' } }])
  })

  test('ends when it was to end', async () => {
    const { told, hasEnded } = await listen('seconds=1')
    await until('it has ended', hasEnded)
    expect(told.filter(({ event }) => event === 'problem')).toEqual([])
  })

  test('a product has twenty at a gateway', async () => {
    const key = system.keys['partner-api']
    await Promise.all(Array.from({ length: 20 }, () => listen('', { key })))
    await expectRefusal(send('GET', '/v1/events/stream', { key }), 429, 'rate-limited')
  })
})
