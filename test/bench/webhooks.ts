/**
 * Events told by webhook: how many a second one receiver and ten get of what had waited for them, and how long after its number an event
 * is there at a steady rate, alone and beside receivers that never answer. The receiver is this process.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type Database, openDatabase } from '../../src/manifest/database.ts'
import { appendFacts } from '../../src/manifest/events.ts'
import { call, setUp, upload } from './client.ts'
import type { Photo } from './photos.ts'
import { quantile, type Row, type Table } from './report.ts'
import type { Gateway, World } from './world.ts'

const ASSETS = 200
const WAITING = 4_000
const RATE = 50
const SECONDS = 10
const SILENT = 20
const CAUSE = { actor: 'bench', correlationId: 'bench' }

interface Told {
  readonly at: number
  readonly recordedAt: number
}

const openReceiver = async () => {
  const told: Told[] = []
  const server = createServer((request, response) => {
    if (request.url === '/silent') return
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const { recordedtime } = JSON.parse(Buffer.concat(chunks).toString()) as { recordedtime: string }
      told.push({ at: Date.now(), recordedAt: Date.parse(recordedtime) })
      response.writeHead(204).end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    told,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close().closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** The n-th change of something, of one asset after the other. */
const change = (database: Database, assets: readonly string[], n: number): Promise<unknown> => {
  const asset = assets[n % assets.length] ?? ''
  const facts = [{ type: 'asset.metadata_changed' as const, data: { asset, changed: ['/labels'] } }]
  return database.transaction(tx => appendFacts(tx, { tenant: 'demo', asset, cause: CAUSE, facts }))
}

const heard = async (told: readonly Told[], count: number): Promise<void> => {
  while (told.length < count) await delay(10)
}

export const webhooks = async (world: World, _photos: readonly Photo[]): Promise<readonly Table[]> => {
  const gateway: Gateway = await world.startGateway({
    env: { WEBHOOK_ALLOW: '127.0.0.1', WEBHOOK_SUBSCRIPTIONS: '100' },
  })
  const key = (await setUp(gateway, [{ product: 'shop', name: 'card', recipe: { formats: ['jpeg'] } }])).shop ?? ''
  const assets: string[] = []
  for (let n = 0; n < ASSETS; n++)
    assets.push((await upload(gateway, key, new TextEncoder().encode(`text ${n}`))).asset)
  const database = openDatabase({
    connection: { connectionString: gateway.store.databaseUrl },
    poolSize: 4,
    statementTimeoutMs: 60_000,
    onPoolError: () => undefined,
  })
  const receiver = await openReceiver()
  const made: string[] = []
  const subscribe = async (path: string): Promise<void> => {
    const body = { url: `${receiver.url}${path}`, types: ['asset.metadata_changed'], product: 'shop' }
    made.push(((await (await call(gateway, 'POST', '/v1/subscriptions', { body })).json()) as { id: string }).id)
  }
  const headers = { 'If-Match': '*' }
  const set = async (state: string): Promise<void> => {
    for (const id of made) await call(gateway, 'PATCH', `/v1/subscriptions/${id}`, { body: { state }, headers })
  }

  const waiting = async (subscribers: number): Promise<Row> => {
    while (made.length < subscribers) await subscribe('/hook')
    await set('PAUSED')
    for (let n = 0; n < WAITING / subscribers; n++) await change(database, assets, n)
    await delay(1_000) // numbered
    receiver.told.length = 0
    const startedAt = performance.now()
    await set('ACTIVE')
    await heard(receiver.told, Math.floor(WAITING / subscribers) * subscribers)
    const seconds = (performance.now() - startedAt) / 1000
    return [subscribers, Math.round(receiver.told.length / seconds)]
  }

  const steady = async (beside: number): Promise<Row> => {
    for (let n = 0; n < beside; n++) await subscribe('/silent')
    receiver.told.length = 0
    const startedAt = performance.now()
    for (let n = 0; n < RATE * SECONDS; n++) {
      await change(database, assets, n)
      await delay(Math.max(0, startedAt + (n * 1000) / RATE - performance.now()))
    }
    await heard(receiver.told, RATE * SECONDS)
    const lags = receiver.told.map(({ at, recordedAt }) => at - recordedAt)
    return [beside, ...[0.5, 0.95, 0.99].map(q => quantile(lags, q))]
  }

  try {
    const one = await waiting(1)
    const alone = await steady(0)
    const amongSilent = await steady(SILENT)
    for (const id of made.splice(1)) await call(gateway, 'DELETE', `/v1/subscriptions/${id}`, { headers })
    const ten = await waiting(10)
    return [
      {
        title: 'Events that waited for webhooks',
        note: `${WAITING.toLocaleString('en')} in all, of ${ASSETS} assets; a gateway with its worker, the receiver beside it.`,
        columns: ['receivers', 'events a second'],
        rows: [one, ten],
      },
      {
        title: 'From the number of an event to its receiver',
        note: `${RATE} events a second for ${SECONDS} s, to one receiver; beside it others that never answer.`,
        columns: ['silent receivers', 'p50 ms', 'p95 ms', 'p99 ms'],
        rows: [alone, amongSilent],
      },
    ]
  } finally {
    await receiver.close()
    await database.close()
    await gateway.stop()
  }
}
