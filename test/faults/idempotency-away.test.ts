/** A request that fails because Postgres goes away is sent again with its key, and does not wait for its own reservation. */
import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
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

test('a session that is lost in the middle of a transaction does not keep its locks', async () => {
  const [row] = await query<{ idle_in_transaction_session_timeout: string }>(
    side.core,
    'show idle_in_transaction_session_timeout',
  )
  expect(row?.idle_in_transaction_session_timeout).toBe('30s')
})
