/** Workers that are killed, or stopped beyond their lease and resumed, in the middle of a transform; and nodes that kill every worker. */
import { createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimNodes, expireLeases, settleNode } from '../../src/manifest/nodes.ts'
import { RETRIES } from '../../src/model/retries.ts'
import { openWorker } from '../../src/worker.ts'
import { environmentOf, forkNode } from '../support/fork-node.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { expectConsistent, expectIntact, query } from './intact.ts'
import { photo } from './photo.ts'
import { openSide } from './side.ts'

const LEASE_MS = 1_500

let system: System
beforeAll(async () => {
  system = await startSystem({ worker: false, env: { LEASE_MS: String(LEASE_MS), POLL_MS: '100', WORKERS: '1' } })
  await system.call('PUT', '/v1/collections/work', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
  const recipe = { resize: { width: 480 }, formats: ['jpeg', { format: 'avif', required: true, effort: 3 }] }
  await system.call('PUT', '/v1/collections/work/products/shop-web/renditions/all', {
    key: ADMIN_KEY,
    body: { recipe },
  })
})
afterAll(async () => {
  await expectConsistent(system.core)
  await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
  await system.close()
})

const upload = async (seed: number, size = { width: 500, height: 400 }) => {
  const { asset, digest } = await system.upload(await photo(seed, size), 'collection=work')
  return { asset, original: digest.slice('sha256:'.length) }
}

const nodesOf = (original: string) =>
  query<{ state: string; attempts: number; executions: number; lease_owner: string | null; fence: number }>(
    system.core,
    `select state, attempts, executions, lease_owner, fence from node where original = decode($1, 'hex') order by node_id`,
    [original],
  )

const inWork = (original: string) =>
  until('the nodes are in work', async () => (await nodesOf(original)).some(({ state }) => state === 'RUNNING'), {
    everyMs: 5,
  })

const allDone = (original: string) =>
  until(
    'the nodes are done',
    async () => {
      const nodes = await nodesOf(original)
      return nodes.length > 0 && nodes.every(({ state }) => state === 'DONE') && nodes
    },
    { withinMs: 30_000 },
  )

const forkWorker = () =>
  forkNode({
    file: 'workers/transform.ts',
    env: environmentOf(system, { LEASE_MS: String(LEASE_MS), POLL_MS: '100', WORKERS: '1', LOG_LEVEL: 'info' }),
  })

test('killed in the middle, its nodes are done by another worker, once', async () => {
  const doomed = await forkWorker()
  const { original } = await upload(1)
  await inWork(original)
  const heir = await openWorker(system.core)
  await doomed.kill()
  const killedAt = Date.now()
  await until('another worker has them', async () => (await nodesOf(original)).some(({ attempts }) => attempts === 2), {
    everyMs: 5,
  })
  const takenAfterMs = Date.now() - killedAt
  const nodes = await allDone(original)
  console.log(
    `taken over ${takenAfterMs} ms after the kill, done after ${Date.now() - killedAt} ms, with a lease of ${LEASE_MS} ms`,
  )
  // The rest of the lease, a poll, and a machine that is busy.
  expect(takenAfterMs).toBeLessThan(LEASE_MS + 2_000)
  for (const { executions } of nodes) expect(executions).toBe(1)
  expect(Math.max(...nodes.map(({ attempts }) => attempts))).toBe(2)
  await heir.drain()
})

test('stopped beyond its lease and resumed, it changes nothing any more', async () => {
  const sleeper = await forkWorker()
  const { original } = await upload(2)
  await inWork(original)
  sleeper.child.kill('SIGSTOP')
  const heir = await openWorker(system.core)
  const nodes = await allDone(original)
  for (const { executions } of nodes) expect(executions).toBe(1)
  expect(Math.max(...nodes.map(({ attempts }) => attempts))).toBe(2)
  await heir.drain()

  sleeper.child.kill('SIGCONT')
  // The sleeper has put its stale results away when it does something new: its only decode process was busy with them.
  const next = await upload(3, { width: 40, height: 30 })
  expect(Math.max(...(await allDone(next.original)).map(({ attempts }) => attempts))).toBe(1)
  expect(await nodesOf(original)).toEqual(nodes)
  await sleeper.kill('SIGTERM')
})

test('a stale fence settles nothing', async () => {
  const { original } = await upload(4)
  const { database } = system.core
  const tenant = system.config.tenant
  const [mine] = await claimNodes(database, { tenant, original, owner: 'slow', limit: 16, leaseMs: 1 })
  const cause = { actor: 'test', correlationId: 'test' }
  await until('the lease has run out', async () => (await expireLeases(database, cause)) > 0)
  const [theirs] = await claimNodes(database, { tenant, original, owner: 'quick', limit: 16, leaseMs: 60_000 })
  expect(theirs).toMatchObject({ key: mine?.key, fence: (mine?.fence ?? 0) + 1, attempts: 2 })
  const [before] = await nodesOf(original)
  const derivative = {
    sha256: '00'.repeat(32),
    bytes: 1,
    mediaType: 'image/jpeg',
    width: 1,
    height: 1,
    objectKey: 'none',
  }
  expect(
    await settleNode(database, {
      node: mine!,
      derivative,
      cpuMs: 1,
      aloneCpuMs: 1,
      cause,
      restore: async () => undefined,
    }),
  ).toBeUndefined()
  expect(await nodesOf(original).then(([node]) => node)).toEqual(before)
  expect(await query(system.core, `select 1 from derivative where object_key = 'none'`)).toEqual([])
  await query(system.core, `update node set lease_until = now() where state = 'RUNNING'`)
  const worker = await openWorker(system.core)
  await allDone(original)
  await worker.drain()
})

test('a node whose workers all die is given up after a bounded number of them', async () => {
  const { asset, original } = await upload(5)
  const { database } = system.core
  const cause = { actor: 'test', correlationId: 'test' }
  for (let death = 1; death <= RETRIES.node.tries; death++) {
    const claimed = await claimNodes(database, {
      tenant: system.config.tenant,
      original,
      owner: `dies-${death}`,
      limit: 16,
      leaseMs: 1,
    })
    expect(claimed.map(({ attempts }) => attempts)).toEqual([death, death])
    await until('the lease has run out', async () => (await expireLeases(database, cause)) === 2)
    // Later and later: time is moved instead of waited for.
    await query(system.core, `update node set not_before = now() where state = 'RETRY'`)
  }
  for (const node of await nodesOf(original))
    expect(node).toMatchObject({ state: 'DEAD', attempts: RETRIES.node.tries, executions: 0 })
  const completeness = await system.call('GET', `/v1/assets/${asset}/versions/1/completeness`, { key: ADMIN_KEY })
  expect(await completeness.json()).toMatchObject({
    state: 'FAILED',
    products: [{ dead: 2, failed: [{ code: 'worker-lost' }, { code: 'worker-lost' }] }],
  })
})

test('hints that come many times, to several workers, cause one execution', async () => {
  const { original } = await upload(6, { width: 60, height: 40 })
  const hint = { tenant: system.config.tenant, original, lane: 'eager' } as const
  await Promise.all(Array.from({ length: 20 }, () => system.core.queue.offer(hint)))
  const workers = await Promise.all([openWorker(system.core), openWorker(system.core)])
  await Promise.all(Array.from({ length: 20 }, () => system.core.queue.offer({ ...hint, lane: 'interactive' })))
  for (const { executions, attempts } of await allDone(original))
    expect({ executions, attempts }).toEqual({ executions: 1, attempts: 1 })
  await until('every hint has been heard', async () => (await system.core.queue.depth()).waiting === 0)
  await Promise.all(workers.map(worker => worker.drain()))
  for (const { executions, attempts } of await nodesOf(original))
    expect({ executions, attempts }).toEqual({ executions: 1, attempts: 1 })
})

const silentServer = async () => {
  const server = createServer(socket => void socket.on('error', () => undefined).resume())
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  return { server, port: typeof address === 'object' && address ? address.port : 0 }
}

test.each(['away', 'silent'])(
  'with a queue that is %s, uploads are answered and workers find their work',
  async how => {
    const { server, port } = await silentServer()
    if (how === 'away') await new Promise(done => server.close(done))
    const side = await openSide({
      config: system.config,
      engines: { ...system.engines, queue: { kind: 'redis', url: `redis://127.0.0.1:${port}` } },
    })
    const worker = await openWorker(side.core)
    const took: number[] = []
    for (let seed = 0; seed < 3; seed++) {
      const body = new Uint8Array(await photo((how === 'away' ? 700 : 800) + seed, { width: 60, height: 40 }))
      const startedAt = performance.now()
      const response = await side.call('POST', '/v1/assets?collection=work', { key: system.keys['shop-web'], body })
      took.push(Math.round(performance.now() - startedAt))
      expect(response.status).toBe(201)
      await allDone(((await response.json()) as { digest: string }).digest.slice('sha256:'.length))
    }
    console.log(`queue ${how}: uploads answered after ${took.join(', ')} ms`)
    expect(Math.max(...took)).toBeLessThan(1_500)
    const ready = await side.call('GET', '/readyz')
    expect(ready.status).toBe(200)
    await worker.drain()
    await side.close()
    server.close()
  },
)
