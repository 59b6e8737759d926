/** The process that decodes is killed in the middle of one derivative: once is chance, twice is the image. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { planRendition } from '../../src/graph/plan.ts'
import { parseRecipe } from '../../src/graph/recipe.ts'
import { sha256Hex } from '../../src/lib/canonical.ts'
import type { ImageFacts } from '../../src/model/original.ts'
import { openWorker } from '../../src/worker.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'
import { expectConsistent, query } from './intact.ts'
import { photo } from './photo.ts'
import { childrenOf } from './processes.ts'

const SIZE = { width: 500, height: 400 }
const RECIPE = { resize: { width: 480 }, formats: ['jpeg', 'webp', { format: 'avif', required: true, effort: 6 }] }

let system: System
let worker: Awaited<ReturnType<typeof openWorker>>
beforeAll(async () => {
  system = await startSystem({ worker: false, env: { WORKERS: '1', POLL_MS: '50' } })
  await system.call('PUT', '/v1/collections/deaths', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
  const path = '/v1/collections/deaths/products/shop-web/renditions/all'
  await system.call('PUT', path, { key: ADMIN_KEY, body: { recipe: RECIPE } })
})
afterAll(async () => {
  await worker.drain()
  await system.close()
})

interface NodeRow {
  readonly format: string
  readonly state: string
  readonly attempts: number
  readonly crashes: number
  readonly executions: number
  readonly failure: { readonly code: string } | null
}

const nodesOf = (digest: string): Promise<NodeRow[]> =>
  query<NodeRow>(
    system.core,
    `select format, state, attempts, crashes, executions, failure from node where original = decode($1, 'hex') order by node_id`,
    [digest.slice('sha256:'.length)],
  )

/** AVIF takes a hundred times as long as the others and, where its key sorts last, is alone in the end: such a photograph. */
const uploadWithSlowLast = async (from: number) => {
  for (let seed = from; ; seed++) {
    const bytes = await photo(seed, SIZE)
    const image: ImageFacts = {
      format: 'png',
      ...SIZE,
      orientation: 1,
      frames: 1,
      hasAlpha: false,
      space: 'srgb',
      icc: 'none',
      credit: {},
    }
    const planned = planRendition(parseRecipe(RECIPE), { sha256: sha256Hex(bytes), image })
    const last = planned
      .flatMap(({ node }) => node ?? [])
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .at(-1)
    if (last?.format !== 'avif') continue
    const uploaded = await system.upload(bytes, 'collection=deaths')
    expect((await nodesOf(uploaded.digest)).at(-1)?.format).toBe('avif')
    return uploaded
  }
}

const decodePids = (): number[] => childrenOf(process.pid, 'decode-child')

/** By then a fresh one has started up and is encoding, which takes some seconds; killed earlier it would be nobody's fault. */
const AT_WORK_AFTER_MS = 1_500

const killInTheLast = async (digest: string, crashes: number): Promise<void> => {
  const seenAt = new Map<number, number>()
  await until(
    `the slow one has crashed ${crashes} times`,
    async () => {
      const nodes = await nodesOf(digest)
      const slow = nodes.at(-1)
      if (slow?.crashes === crashes) return true
      if (slow?.state !== 'RUNNING' || nodes.slice(0, -1).some(({ state }) => state !== 'DONE')) return false
      for (const pid of decodePids()) {
        const since = seenAt.get(pid) ?? Date.now()
        seenAt.set(pid, since)
        if (Date.now() - since > AT_WORK_AFTER_MS) process.kill(pid, 'SIGKILL')
      }
      return false
    },
    { withinMs: 25_000 },
  )
}

const settled = (digest: string): Promise<NodeRow[]> =>
  until(
    'all nodes are settled',
    async () => {
      const nodes = await nodesOf(digest)
      return nodes.every(({ state }) => state === 'DONE' || state === 'DEAD') && nodes
    },
    { withinMs: 30_000 },
  )

test('killed once: the node is tried again and done, the others keep what they have', async () => {
  const { asset, digest } = await uploadWithSlowLast(1)
  worker = await openWorker(system.core)
  await killInTheLast(digest, 1)
  const [first, second, slow] = await settled(digest)
  for (const other of [first, second])
    expect(other).toMatchObject({ state: 'DONE', attempts: 1, crashes: 0, executions: 1 })
  expect(slow).toMatchObject({ format: 'avif', state: 'DONE', attempts: 2, crashes: 1, executions: 1, failure: null })
  const shown = await system.call('GET', `/v1/assets/${asset}`, { key: ADMIN_KEY })
  expect(await shown.json()).toMatchObject({ status: 'ACTIVE', version: 1 })
  await expectConsistent(system.core)
})

test('killed twice: quarantined, said so, and everybody else goes on', async () => {
  const { asset, digest } = await uploadWithSlowLast(100)
  await killInTheLast(digest, 1)
  await killInTheLast(digest, 2)
  const [first, second, slow] = await settled(digest)
  for (const other of [first, second])
    expect(other).toMatchObject({ state: 'DONE', attempts: 1, crashes: 0, executions: 1 })
  expect(slow).toMatchObject({
    state: 'DEAD',
    attempts: 2,
    crashes: 2,
    executions: 0,
    failure: { code: 'decoder-crashed' },
  })

  const completeness = await system.call('GET', `/v1/assets/${asset}/versions/1/completeness`, { key: ADMIN_KEY })
  expect(await completeness.json()).toMatchObject({
    state: 'FAILED',
    products: [
      {
        product: 'shop-web',
        status: 'DEGRADED',
        required: 3,
        done: 2,
        dead: 1,
        failed: [{ code: 'decoder-crashed', attempts: 2 }],
      },
    ],
  })
  const answer = await system.call(
    'GET',
    `/v1/products/shop-web/assets/${asset}/renditions/all?format=avif&version=1`,
    {
      key: system.keys['shop-web'],
      headers: { Accept: 'application/json' },
    },
  )
  expect(answer.status).toBe(424)
  await expectConsistent(system.core)

  const next = await system.upload(await photo(200, { width: 300, height: 200 }), 'collection=deaths')
  for (const node of await settled(next.digest)) expect(node).toMatchObject({ state: 'DONE', attempts: 1, crashes: 0 })
})
