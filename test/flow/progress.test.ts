/** What becomes of a version, as it happens. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openWorker } from '../../src/worker.ts'
import { expectRefusal, openSocketClient } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

let system: System
let socket: Awaited<ReturnType<typeof openSocketClient>>
beforeAll(async () => {
  system = await startSystem({ worker: false })
  socket = await openSocketClient(system)
  await system.call('PUT', '/v1/collections/watched', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
  const path = '/v1/collections/watched/products/shop-web/renditions/thumb'
  await system.call('PUT', path, {
    key: ADMIN_KEY,
    body: { recipe: { resize: { width: 16 }, formats: ['jpeg', 'webp'] } },
  })
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

interface Told {
  readonly event: string
  readonly data: { readonly state: string; readonly products?: readonly object[]; readonly code?: string }
}

const watch = (asset: string, { key = system.keys['shop-web'], headers = {} } = {}) => {
  const leaving = new AbortController()
  const answer = fetch(`${socket.address}/v1/assets/${asset}/versions/1/progress`, {
    signal: leaving.signal,
    headers: { Authorization: `Bearer ${key}`, ...headers },
  })
  return { answer, leave: () => leaving.abort() }
}

const eventsOf = (text: string): Told[] =>
  text
    .split('\n\n')
    .filter(block => block.startsWith('event:'))
    .map(block => ({
      event: /^event: (.*)$/m.exec(block)?.[1] ?? '',
      data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? '') as Told['data'],
    }))

const streams = async (): Promise<number> => (await system.core.metrics.progressStreams.get()).values[0]?.value ?? 0

test('it is told from its first look to its end, and the stream ends by itself', async () => {
  const { asset } = await system.upload(await photo({ width: 64, height: 48 }), 'collection=watched')
  const { answer } = watch(asset)
  const response = await answer
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  expect(response.headers.get('cache-control')).toBe('no-store')
  await until('it is open', async () => (await streams()) === 1)
  const worker = await openWorker(system.core)
  const events = eventsOf(await response.text())
  await worker.drain()
  expect(events[0]).toMatchObject({
    event: 'progress',
    data: { asset, version: 1, state: 'PROCESSING', products: [{ product: 'shop-web', required: 2, done: 0 }] },
  })
  expect(events.at(-2)).toMatchObject({ data: { state: 'ACTIVE', products: [{ status: 'COMPLETE', done: 2 }] } })
  expect(events.at(-1)).toEqual({ event: 'end', data: { state: 'ACTIVE' } })
  expect(await streams()).toBe(0)
  // A browser that connects again by itself is told to stop.
  const again = await watch(asset, { headers: { 'Last-Event-ID': 'end' } }).answer
  expect(again.status).toBe(204)
})

test('a product has so many of them, and who leaves makes room', async () => {
  const { asset } = await system.upload(await photo({ width: 65, height: 48 }), 'collection=watched')
  const watched = Array.from({ length: 20 }, () => watch(asset))
  for (const { answer } of watched) expect((await answer).status).toBe(200)
  const path = `/v1/assets/${asset}/versions/1/progress`
  await expectRefusal(system.call('GET', path, { key: system.keys['shop-web'] }), 429, 'rate-limited')
  for (const { leave } of watched) leave()
  await until('all have left', async () => (await streams()) === 0)
  const { answer, leave } = watch(asset)
  expect((await answer).status).toBe(200)
  leave()
  await until('it has left', async () => (await streams()) === 0)
})

test('who may not see the asset any more is told so, and no more of it', async () => {
  const { asset } = await system.upload(await photo({ width: 66, height: 48 }), 'collection=watched')
  await system.call('PUT', '/v1/collections/watched/grants/mobile', { key: ADMIN_KEY, body: { role: 'reader' } })
  const { answer } = watch(asset, { key: system.keys.mobile })
  const response = await answer
  expect(response.status).toBe(200)
  const headers = { 'If-Match': '*' }
  await system.call('DELETE', '/v1/collections/watched/grants/mobile', { key: ADMIN_KEY, headers })
  expect(eventsOf(await response.text()).at(-1)).toEqual({ event: 'problem', data: { code: 'not-found' } })
  await expectRefusal(
    system.call('GET', `/v1/assets/${asset}/versions/1/progress`, { key: system.keys.mobile }),
    404,
    'not-found',
  )
})
