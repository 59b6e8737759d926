/** A thousand callers of one derivative that nobody has made yet, through sockets of two gateways, and one worker. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openGateway } from '../../src/gateway.ts'
import { createApp } from '../../src/http/app.ts'
import { type Listening, serve } from '../../src/http/serve.ts'
import { openWorker } from '../../src/worker.ts'
import { expectConsistent, query } from '../faults/intact.ts'
import { photo } from '../faults/photo.ts'
import { openSide, type Side } from '../faults/side.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

const CALLERS = 1_000

let system: System
let sides: Side[]
let servers: Listening[]
beforeAll(async () => {
  system = await startSystem({ worker: false })
  sides = [await openSide(system), await openSide(system)]
  servers = await Promise.all(
    sides.map(({ core }) => serve(createApp(openGateway(core)).fetch, { host: '127.0.0.1', port: 0, drainMs: 1_000 })),
  )
  await system.call('PUT', '/v1/collections/cold', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
  const recipe = { resize: { width: 300 }, formats: ['jpeg'] }
  await system.call('PUT', '/v1/collections/cold/products/shop-web/renditions/lazy', {
    key: ADMIN_KEY,
    body: { recipe, lane: 'lazy' },
  })
})
afterAll(async () => {
  for (const server of servers) await server.drain()
  for (const side of sides) await side.close()
  await system.close()
})

test('one transform, one put, one digest', async () => {
  const puts: string[] = []
  const { derivatives } = system.core
  const counting: typeof derivatives = {
    ...derivatives,
    put: request => {
      puts.push(request.key)
      return derivatives.put(request)
    },
  }
  const { asset } = await system.upload(await photo(1, { width: 600, height: 400 }), 'collection=cold')
  expect(await query(system.core, 'select state from node')).toEqual([{ state: 'PLANNED' }])
  const worker = await openWorker({ ...system.core, derivatives: counting })

  const latencies: number[] = []
  const ask = async (index: number): Promise<string> => {
    const startedAt = performance.now()
    const url = `${servers[index % 2]?.address}/v1/products/shop-web/assets/${asset}/renditions/lazy`
    const headers = {
      Authorization: `Bearer ${system.keys['shop-web']}`,
      Accept: 'application/json',
      Prefer: 'wait=10',
    }
    const response = await fetch(url, { headers })
    const body = (await response.json()) as { digest?: string }
    latencies.push(performance.now() - startedAt)
    return `${response.status} ${body.digest}`
  }
  const answers = await Promise.all(Array.from({ length: CALLERS }, (_, index) => ask(index)))
  await worker.drain()

  expect(new Set(answers).size).toBe(1)
  expect(answers[0]).toMatch(/^200 sha256:[0-9a-f]{64}$/)
  expect(puts).toHaveLength(1)
  expect(await query(system.core, 'select state, attempts, executions from node')).toEqual([
    { state: 'DONE', attempts: 1, executions: 1 },
  ])
  await expectConsistent(system.core)
  const sorted = latencies.sort((a, b) => a - b).map(Math.round)
  console.log(
    `${CALLERS} callers: p50 ${sorted[CALLERS / 2]} ms, p99 ${sorted[CALLERS * 0.99]} ms, cold decode process included`,
  )
})
