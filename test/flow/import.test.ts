/** Many assets by one manifest: taken whole or not at all, told line by line, held, called off, taken back, and stopped by who revokes. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { query } from '../faults/intact.ts'
import { expectJson, expectRefusal, leavesNothing, openClient, type Send } from '../support/http.ts'
import { carry, carryToEnd } from '../support/sagas.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

interface Operation {
  readonly id: string
  readonly kind: string
  readonly state: string
  readonly reason?: string
  readonly undone: number
  readonly progress: {
    readonly total: number
    readonly done: number
    readonly failed: number
    readonly percent: number
  }
  readonly steps: readonly { readonly name: string; readonly state: string }[]
}
interface Result {
  readonly line: number
  readonly ref?: string
  readonly state: string
  readonly asset?: string
  readonly version?: number
  readonly code?: string
  readonly tries: number
}

let system: System
let send: Send
let key = ''
/** Of a text that an asset of the web shop has. */
let sha256 = ''
beforeAll(async () => {
  system = await startSystem({ worker: false, env: { IMPORT_LINES: '200' } })
  send = await openClient(system)
  key = system.keys['shop-web']
  await send('PUT', '/v1/collections/texts', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
  sha256 = (await newText()).digest.slice('sha256:'.length)
})
afterAll(() => system.close())

const newText = (query = 'collection=texts') => system.upload(new TextEncoder().encode(`a text ${randomUUID()}`), query)
const ndjson = (lines: readonly object[]): string => lines.map(line => JSON.stringify(line)).join('\n')
const post = (body: string, options: { key?: string; headers?: Record<string, string> } = {}) =>
  send('POST', '/v1/assets/import', {
    key: options.key ?? key,
    body,
    headers: { 'Content-Type': 'application/x-ndjson', ...options.headers },
  })
const begin = async (lines: readonly object[], options = {}): Promise<Operation> =>
  expectJson<Operation>(post(ndjson(lines), options), 202)
const read = (id: string, by = key) => expectJson<Operation>(send('GET', `/v1/operations/${id}`, { key: by }), 200)
const say = (id: string, word: string, by = key) =>
  expectJson<Operation>(send('POST', `/v1/operations/${id}/${word}`, { key: by }), 200)
const resultsOf = async (id: string, query = ''): Promise<readonly Result[]> =>
  (await expectJson<{ items: Result[] }>(send('GET', `/v1/operations/${id}/results?limit=500${query}`, { key }), 200))
    .items
const finish = ({ id }: { id: string }) => carryToEnd(system.gateway, { tenant: system.config.tenant, id })
const lines = (count: number, more: (n: number) => object = () => ({})) =>
  Array.from({ length: count }, (_, n) => ({ ref: `r${n + 1}`, sha256, collection: 'texts', ...more(n + 1) }))
const assetsOf = (id: string) =>
  query<{ asset: string; ref: string }>(
    system.core,
    `select asset_id as asset, source_ref as ref from asset_version where entrance = 'import' and source_ref like $1 || '/%'`,
    [id],
  )

describe('a manifest', () => {
  test('makes an asset of each line, with all that the line says', async () => {
    const target = await newText()
    const begun = await begin([
      {
        ref: 'first',
        sha256,
        collection: 'texts',
        alias: 'sku-1',
        labels: ['b', 'a'],
        attributes: { seo: { title: 'One' } },
        filename: '../one.txt',
      },
      { sha256, asset: target.asset, publish: 'manual' },
    ])
    expect(begun).toMatchObject({
      kind: 'import',
      state: 'RUNNING',
      progress: { total: 2, done: 0, failed: 0, percent: 0 },
      steps: [{ name: 'lines', state: 'RUNNING' }],
    })
    expect((await resultsOf(begun.id)).map(({ state }) => state)).toEqual(['waiting', 'waiting'])
    await finish(begun)
    expect(await read(begun.id)).toMatchObject({ state: 'SUCCEEDED', progress: { total: 2, done: 2, percent: 100 } })
    const [first, second] = await resultsOf(begun.id)
    expect(first).toMatchObject({ line: 1, ref: 'first', state: 'done', version: 1, deduplicated: true, tries: 0 })
    expect(second).toMatchObject({ line: 2, state: 'done', asset: target.asset, version: 2 })
    const made = await expectJson(send('GET', `/v1/assets/${first?.asset}`, { key }), 200)
    expect(made).toMatchObject({
      alias: 'sku-1',
      labels: ['a', 'b'],
      attributes: { seo: { title: 'One' } },
      version: 1,
    })
    const { items } = await expectJson<{ items: object[] }>(
      send('GET', `/v1/assets/${first?.asset}/versions`, { key }),
      200,
    )
    expect(items).toMatchObject([{ filename: 'one.txt', source: { entrance: 'import', ref: `${begun.id}/1` } }])
    const audit = `select actor, action, after from audit where request_id = $1 order by insert_no`
    expect(await query(system.core, audit, [`operation:${begun.id}`])).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ action: 'asset.create', after: expect.objectContaining({ entrance: 'import' }) }),
        expect.objectContaining({ action: 'version.create' }),
      ]),
    )
  })

  test('that is sent again is answered the same and done once', async () => {
    const headers = { 'Idempotency-Key': randomUUID() }
    const body = ndjson(lines(2))
    const first = await expectJson<Operation>(post(body, { headers }), 202)
    const again = await post(body, { headers })
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(again.headers.get('location')).toBe(`/v1/operations/${first.id}`)
    expect(await again.json()).toEqual(first)
    await expectRefusal(post(`${body}\n${body}`, { headers }), 422, 'idempotency-key-reused')
    await finish(first)
    expect(await assetsOf(first.id)).toHaveLength(2)
  })

  test.each<[string, string, number, string]>([
    ['no JSON', '{"sha256":', 2, ''],
    ['an unknown key', JSON.stringify({ sha256: 'a'.repeat(64), collection: 'texts', nonsense: 1 }), 2, ''],
    ['no source', JSON.stringify({ collection: 'texts' }), 2, '/sha256'],
    ['neither collection nor asset', JSON.stringify({ sha256: 'a'.repeat(64) }), 2, '/collection'],
    [
      'labels of a version',
      JSON.stringify({ sha256: 'a'.repeat(64), asset: randomUUID(), labels: ['a'] }),
      2,
      '/labels',
    ],
    ['a name that nobody may give', JSON.stringify({ sha256: 'a'.repeat(64), collection: '../x' }), 2, '/collection'],
    [
      'an alias that a line before has',
      JSON.stringify({ sha256: 'a'.repeat(64), collection: 'texts', alias: 'twice' }),
      2,
      '/alias',
    ],
  ])('with %s is refused whole, with the number of the line', async (_, bad, number, at) => {
    const good = JSON.stringify({ sha256, collection: 'texts', alias: 'twice' })
    await leavesNothing(system, async () => {
      const problem = await expectRefusal(
        post(`${good}\n${bad}\n${good.replace('twice', 'other')}`),
        422,
        'contract-violation',
      )
      expect(problem.errors).toMatchObject([{ pointer: `/${number}${at}` }])
    })
    expect(await query(system.core, 'select 1 from saga_step where input @> $1', [{ alias: 'twice' }])).toEqual([])
  })

  test('of nothing, of too much, and of another kind is refused', async () => {
    await leavesNothing(system, async () => {
      await expectRefusal(post(''), 422, 'contract-violation')
      await expectRefusal(post('\n\n'), 422, 'contract-violation')
      await expectRefusal(post(ndjson(lines(201))), 413, 'payload-too-large')
      await expectRefusal(post(JSON.stringify({ ref: 'x'.repeat(40_000) })), 422, 'contract-violation')
      await expectRefusal(
        post(ndjson(lines(1)), { headers: { 'Content-Type': 'application/json' } }),
        415,
        'unsupported-media',
      )
      await expectRefusal(post(ndjson(lines(1)), { headers: { 'Content-Encoding': 'gzip' } }), 415, 'unsupported-media')
    })
  })

  test('for a collection that is another product’s, or none, is told so before it is begun', async () => {
    await leavesNothing(system, async () => {
      const nothing = await expectRefusal(post(ndjson(lines(1, () => ({ collection: 'nowhere' })))), 404, 'not-found')
      expect(nothing.errors).toMatchObject([{ pointer: '/1/collection' }])
      await expectRefusal(post(ndjson(lines(1)), { key: system.keys.mobile }), 404, 'not-found')
    })
  })

  test('is counted by the numbers of its lines, empty ones too', async () => {
    const begun = await expectJson<Operation>(post(`\n${ndjson(lines(1))}\r\n\n${ndjson(lines(1))}\n`), 202)
    expect((await resultsOf(begun.id)).map(({ line }) => line)).toEqual([2, 4])
    await finish(begun)
  })
})

describe('lines', () => {
  test('that fail leave the others alone, and say why', async () => {
    await newText('collection=texts&alias=taken')
    const other = (await system.upload(new TextEncoder().encode(`another's ${randomUUID()}`), 'collection=texts'))
      .digest
    const begun = await begin([
      ...lines(1),
      { sha256, collection: 'texts', alias: 'taken' },
      { sha256: 'a'.repeat(64), collection: 'texts' },
      { sha256, asset: randomUUID() },
      { sha256: other.slice(7), collection: 'texts' },
    ])
    await finish(begun)
    expect(await read(begun.id)).toMatchObject({
      state: 'PARTIAL',
      progress: { total: 5, done: 2, failed: 3, percent: 100 },
    })
    expect((await resultsOf(begun.id)).map(({ code }) => code)).toEqual([
      undefined,
      'alias-conflict',
      'not-found',
      'not-found',
      undefined,
    ])
    expect(await resultsOf(begun.id, '&state=failed')).toHaveLength(3)
    expect(await assetsOf(begun.id)).toHaveLength(2)
  })

  test('do not tell a product of bytes that another one has', async () => {
    await send('PUT', '/v1/collections/mobiles', { key: ADMIN_KEY, body: { owner: 'mobile' } })
    const begun = await begin(
      lines(1, () => ({ collection: 'mobiles' })),
      { key: system.keys.mobile },
    )
    await finish(begun)
    const path = `/v1/operations/${begun.id}/results`
    const theirs = await expectJson<{ items: Result[] }>(send('GET', path, { key: system.keys.mobile }), 200)
    expect(theirs.items).toMatchObject([{ state: 'failed', code: 'not-found' }])
    await expectRefusal(send('GET', path, { key }), 404, 'not-found')
    expect((await finish(begun)).state).toBe('FAILED')
    // An administrator may, and sees all.
    const whole = await begin(
      lines(1, () => ({ collection: 'mobiles' })),
      { key: ADMIN_KEY },
    )
    expect((await finish(whole)).state).toBe('SUCCEEDED')
  })

  test('are told in pages', async () => {
    const begun = await begin(lines(5))
    await finish(begun)
    const seen: number[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page: { items: Result[]; next_cursor?: string } = await expectJson(
        send('GET', `/v1/operations/${begun.id}/results?limit=2${cursor && `&cursor=${cursor}`}`, { key }),
        200,
      )
      seen.push(...page.items.map(({ line }) => line))
      cursor = page.next_cursor
    }
    expect(seen).toEqual([1, 2, 3, 4, 5])
  })
})

describe('an import', () => {
  test('is paused and goes on, and is in the list of all long work', async () => {
    const begun = await begin(lines(3))
    expect((await say(begun.id, 'pause')).state).toBe('PAUSED')
    expect((await say(begun.id, 'pause')).state).toBe('PAUSED')
    await carry(system.gateway)
    expect(await assetsOf(begun.id)).toEqual([])
    for (const filter of ['', '?kind=import', '?state=PAUSED']) {
      const { items } = await expectJson<{ items: Operation[] }>(send('GET', `/v1/operations${filter}`, { key }), 200)
      expect(items.map(({ id }) => id)).toContain(begun.id)
    }
    const listed = (path: string, by = key) => expectJson<{ items: Operation[] }>(send('GET', path, { key: by }), 200)
    expect((await listed('/v1/operations?kind=backfill')).items).toEqual([])
    expect((await listed('/v1/operations', system.keys['partner-api'])).items).toEqual([])
    expect((await say(begun.id, 'resume')).state).toBe('RUNNING')
    expect((await finish(begun)).state).toBe('SUCCEEDED')
    await expectRefusal(send('POST', `/v1/operations/${begun.id}/cancel`, { key }), 409, 'conflict')
    await expectRefusal(
      send('POST', `/v1/operations/${begun.id}/cancel`, { key: system.keys.mobile }),
      404,
      'not-found',
    )
  })

  test('is told while it goes on, to its end', async () => {
    // Not through the client that reads every answer whole before it says that it is there.
    const follow = (id: string, by = key) => system.call('GET', `/v1/operations/${id}/events`, { key: by })
    const begun = await begin(lines(2))
    const answer = await follow(begun.id)
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    const text = answer.text()
    const waiting = await begin(lines(1))
    await say(waiting.id, 'pause')
    const streams = await Promise.all(Array.from({ length: 19 }, () => follow(waiting.id)))
    await expectRefusal(follow(waiting.id), 429, 'rate-limited')
    for (const stream of streams) await stream.body?.cancel()
    await finish(begun)
    const events = (await text).split('\n\n').filter(event => event.startsWith('event:'))
    expect(events[0]).toMatch(/^event: progress\ndata: .*"state":"RUNNING"/)
    expect(events.at(-1)).toBe('event: end\nid: end\ndata: {"state":"SUCCEEDED"}')
    const path = `/v1/operations/${begun.id}/events`
    expect((await send('GET', path, { key, headers: { 'Last-Event-ID': 'end' } })).status).toBe(204)
    await expectRefusal(send('GET', path, { key: system.keys.mobile }), 404, 'not-found')
    // Those who have left have made room.
    await until('one more is heard', async () => {
      const one = await follow(waiting.id)
      await one.body?.cancel()
      return one.status === 200
    })
    await say(waiting.id, 'cancel')
  })

  test('that is cancelled keeps what it has made', async () => {
    const begun = await begin(lines(4))
    await system.core.database.transaction(async tx => {
      await query(
        { database: tx as never },
        `update saga_step set not_before = now() + interval '1 h' where saga_id = $1 and step_no > 2`,
        [begun.id],
      )
    })
    await carry(system.gateway)
    expect((await say(begun.id, 'cancel')).state).toBe('CANCELLED')
    await carry(system.gateway)
    expect((await resultsOf(begun.id)).map(({ state }) => state)).toEqual(['done', 'done', 'skipped', 'skipped'])
    expect(await assetsOf(begun.id)).toHaveLength(2)
  })

  test('that is undone takes its assets and versions back, and leaves what others have gone on from', async () => {
    const target = await newText()
    const begun = await begin([...lines(3, n => ({ alias: `undo-${n}` })), { sha256, asset: target.asset }])
    await finish(begun)
    const [one, two] = await resultsOf(begun.id)
    const add = { key, body: new TextEncoder().encode(`more ${randomUUID()}`) }
    await expectJson(send('POST', `/v1/assets/${two?.asset}/versions`, add), 201)
    expect(await read(begun.id)).toMatchObject({ state: 'SUCCEEDED' })
    expect(await say(begun.id, 'undo')).toMatchObject({ state: 'COMPENSATING' })
    await finish(begun)
    expect(await read(begun.id)).toMatchObject({
      state: 'FAILED',
      reason: 'not-undone',
      undone: 3,
      progress: { total: 4, done: 3, failed: 1 },
    })
    expect((await resultsOf(begun.id)).map(({ state, code }) => [state, code])).toEqual([
      ['undone', undefined],
      ['not-undone', 'conflict'],
      ['undone', undefined],
      ['undone', undefined],
    ])
    const shown = (asset: string | undefined) => expectJson(send('GET', `/v1/assets/${asset}`, { key: ADMIN_KEY }), 200)
    expect(await shown(one?.asset)).toMatchObject({ status: 'DELETED' })
    expect(await shown(two?.asset)).toMatchObject({ status: 'ACTIVE', alias: 'undo-2', version: 2 })
    expect(await shown(target.asset)).toMatchObject({ status: 'ACTIVE', version: 1 })
    // What stood in the way is gone: undone again, it is whole.
    const gone = await send('DELETE', `/v1/assets/${two?.asset}`, { key, headers: { 'If-Match': '*' } })
    expect(gone.status).toBe(204)
    await say(begun.id, 'undo')
    await finish(begun)
    expect(await read(begun.id)).toMatchObject({ state: 'COMPENSATED', undone: 4 })
    // Its names are free.
    const again = await begin(lines(1, () => ({ alias: 'undo-1' })))
    expect((await finish(again)).state).toBe('SUCCEEDED')
  })

  test('ends when the right that it rests on is taken away', async () => {
    await send('PUT', '/v1/collections/lent', { key: ADMIN_KEY, body: { owner: 'mobile' } })
    const grant = '/v1/collections/lent/grants/shop-web'
    await expectJson(send('PUT', grant, { key: ADMIN_KEY, body: { role: 'editor' } }), 201)
    const begun = await begin(lines(3, () => ({ collection: 'lent' })))
    expect((await send('DELETE', grant, { key: ADMIN_KEY, headers: { 'If-Match': '*' } })).status).toBe(204)
    await finish(begun)
    expect(await read(begun.id)).toMatchObject({
      state: 'FAILED',
      reason: 'forbidden',
      progress: { done: 0, failed: 0 },
    })
    expect((await resultsOf(begun.id)).map(({ state }) => state)).toEqual(['skipped', 'skipped', 'skipped'])
  })

  test('ends when its key is revoked', async () => {
    const own = await expectJson<{ id: string; secret: string }>(
      send('POST', '/v1/products/shop-web/keys', { key: ADMIN_KEY, body: {} }),
      201,
    )
    const begun = await begin(lines(2), { key: own.secret })
    await send('DELETE', `/v1/keys/${own.id}`, { key: ADMIN_KEY, headers: { 'If-Match': '*' } })
    await finish(begun)
    expect(await read(begun.id)).toMatchObject({ state: 'FAILED', reason: 'unauthenticated' })
  })

  test('is left to others by a process without lanes', async () => {
    const { id } = await begin(lines(2))
    await carry(system.gateway, { lanes: 0 })
    expect(await read(id)).toMatchObject({ state: 'RUNNING', progress: { done: 0 } })
    expect((await finish({ id })).state).toBe('SUCCEEDED')
  })

  test('is carried on by several processes, and each line is done once', async () => {
    const begun = await begin(lines(120))
    // Both take the lease for theirs: as where one was held up for longer than it lasts.
    await Promise.all(
      ['a', 'b'].map(async owner => {
        await query(system.core, 'update saga set lease_until = null where saga_id = $1', [begun.id])
        await carry(system.gateway, { owner, leaseSeconds: 0.001 })
      }),
    )
    await finish(begun)
    expect(await read(begun.id)).toMatchObject({ state: 'SUCCEEDED', progress: { done: 120 } })
    const refs = (await assetsOf(begun.id)).map(({ ref }) => ref)
    expect(new Set(refs).size).toBe(120)
    expect(refs).toHaveLength(120)
  })
})
