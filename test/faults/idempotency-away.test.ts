/** A request that fails because Postgres goes away is sent again with its key, and does not wait for its own reservation. */
import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { releaseKey, reserveKey } from '../../src/manifest/idempotency.ts'
import { openFaults } from '../support/failing.ts'
import { type System, startSystem } from '../support/system.ts'
import { startTroubled, type Troubled } from '../support/trouble.ts'
import { until } from '../support/until.ts'
import { query } from './intact.ts'
import { openSide, type Side } from './side.ts'

let system: System
let postgres: Troubled
let side: Side

beforeAll(async () => {
  system = await startSystem({ worker: false })
  const { host, port } = system.engines.database as { host: string; port: number }
  postgres = await startTroubled(() =>
    host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host),
  )
  const database = { ...system.engines.database, host: '127.0.0.1', port: postgres.port }
  side = await openSide({
    config: system.config,
    engines: { ...system.engines, database, queue: { kind: 'postgres', connection: database } },
  })
})
afterAll(async () => {
  await side.close()
  await postgres.close()
  await system.close()
})

test.each(['gone', 'hangs'] as const)('while it is %s', async trouble => {
  const name = randomUUID()
  let finish: () => void = () => undefined
  const bytes = new TextEncoder().encode(name)
  const body = new ReadableStream<Uint8Array>({
    start: controller => {
      controller.enqueue(bytes.slice(0, 5))
      finish = () => {
        controller.enqueue(bytes.slice(5))
        controller.close()
      }
    },
  })
  const send = (given: ReadableStream | Uint8Array) =>
    side.call('POST', '/v1/assets?collection=product-photo', {
      key: system.keys['shop-web'],
      body: given,
      headers: { 'Idempotency-Key': name, 'Content-Type': 'text/plain' },
    })
  const first = send(body)
  const reserved = async () => (await query(system.core, 'select 1 from idempotency where key = $1', [name])).length > 0
  await until('the key is reserved', reserved)
  postgres.become(trouble)
  finish()
  expect([503, 504]).toContain((await first).status)
  expect(await reserved()).toBe(true)
  postgres.become('none')
  const startedAt = performance.now()
  const again = await until('it is taken', async () => {
    const answer = await send(bytes)
    return answer.status === 201 && answer
  })
  expect(await again.json()).toMatchObject({ state: 'ACTIVE' })
  // A reservation that nobody gives back stands for a minute.
  expect(performance.now() - startedAt).toBeLessThan(10_000)
})

test('while its reservation is made, so that nobody is told of it', async () => {
  const faults = openFaults()
  const failing = await openSide(system, faults)
  const send = (name: string) =>
    failing.call('POST', '/v1/assets?collection=product-photo', {
      key: system.keys['shop-web'],
      body: new TextEncoder().encode(name),
      headers: { 'Idempotency-Key': name, 'Content-Type': 'text/plain' },
    })
  expect((await send(randomUUID())).status).toBe(201) // what is read once has been read
  faults.arm({ n: 1_000, when: 'after', process: 'goes on' })
  expect((await send(randomUUID())).status).toBe(201)
  const n = faults.disarm().seen.indexOf('idempotency_reserve') + 1
  expect(n).toBeGreaterThan(0)

  const name = randomUUID()
  faults.arm({ n, when: 'after', process: 'goes on' })
  expect((await send(name)).status).toBe(503)
  expect(faults.disarm().broke).toBe('idempotency_reserve')
  await until('it is taken', async () => (await send(name)).status === 201)
  await failing.close()
})

test('a reservation is given back by who made it alone', async () => {
  const key = { tenant: 'demo', principal: 'somebody', key: randomUUID(), request: 'POST /v1/assets' }
  const { database } = system.core
  expect((await reserveKey(database, { ...key, holder: randomUUID() })).kind).toBe('reserved')
  await releaseKey(database, { ...key, holder: randomUUID() })
  expect((await reserveKey(database, { ...key, holder: randomUUID() })).kind).toBe('in-flight')
})

test('a session that is lost in the middle of a transaction does not keep its locks', async () => {
  const [row] = await query<{ idle_in_transaction_session_timeout: string }>(
    side.core,
    'show idle_in_transaction_session_timeout',
  )
  expect(row?.idle_in_transaction_session_timeout).toBe('30s')
})
