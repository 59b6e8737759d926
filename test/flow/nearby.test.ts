/** Gateway and worker in one process: the short cut between them, and that nothing is lost where it ends. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Core } from '../../src/gateway.ts'
import { refuse } from '../../src/model/errors.ts'
import { openNearby } from '../../src/queue/nearby.ts'
import { expectConsistent, query } from '../faults/intact.ts'
import { photo } from '../faults/photo.ts'
import { openSide, type Side } from '../faults/side.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

let system: System
let elsewhere: Side
let hints = 0
let gets: ('whole' | 'refused')[] = []
let refusals = 0

/** No hint arrives and no poll comes in time: what is answered here was told directly. */
const alter = (core: Core): Core => ({
  ...core,
  hint: async () => void hints++,
  originals: {
    ...core.originals,
    get: async request => {
      gets.push(refusals > 0 ? 'refused' : 'whole')
      if (refusals-- > 0) throw refuse('dependency-timeout', 'The store is silent.')
      return core.originals.get(request)
    },
  },
})

beforeAll(async () => {
  system = await startSystem({ alter, env: { POLL_MS: '600000', WORKERS: '1' } })
  elsewhere = await openSide(system)
  await system.call('PUT', '/v1/collections/near', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
  for (const width of [100, 110, 120, 130]) {
    const body = { recipe: { resize: { width }, formats: ['jpeg'] }, lane: 'lazy' }
    const path = `/v1/collections/near/products/shop-web/renditions/w${width}`
    await system.call('PUT', path, { key: ADMIN_KEY, body })
  }
})
afterAll(async () => {
  await elsewhere.close()
  await system.close()
})
beforeEach(() => {
  hints = 0
  gets = []
  refusals = 0
})

let seed = 1
const upload = async () => {
  const uploaded = await system.upload(await photo(seed++, { width: 600, height: 400 }), 'collection=near')
  hints = 0
  return uploaded
}

const ask = (by: Pick<System, 'call'>, asset: string, rendition: string, seconds: number) =>
  by.call('GET', `/v1/products/shop-web/assets/${asset}/renditions/${rendition}?wait=${seconds}`, {
    key: system.keys['shop-web'],
    headers: { Accept: 'application/json' },
  })

const nodesOf = (digest: string) =>
  query<{ state: string; attempts: number; executions: number }>(
    system.core,
    `select state, attempts, executions from node where original = decode($1, 'hex') and state <> 'PLANNED'`,
    [digest.slice('sha256:'.length)],
  )

test('a cold request is answered without a hint, from one download', async () => {
  const { asset, digest } = await upload()
  const answer = await ask(system, asset, 'w100', 10)
  expect(answer.status).toBe(200)
  expect(await answer.json()).toMatchObject({ state: 'ready', width: 100 })
  expect({ hints, gets }).toEqual({ hints: 0, gets: ['whole'] })
  expect(await nodesOf(digest)).toEqual([{ state: 'DONE', attempts: 1, executions: 1 }])
})

test('what one worker has no room for is hinted at', async () => {
  const assets = await Promise.all(Array.from({ length: 6 }, upload))
  const answers = await Promise.all(assets.map(({ asset }) => ask(system, asset, 'w100', 0)))
  expect(answers.map(({ status }) => status)).toEqual(assets.map(() => 202))
  // Two at a time, one that is decoded and one that is fetched; more have found room when the first were done soon.
  expect(hints).toBeGreaterThan(0)
  await until('a poll has found the rest', async () => {
    await system.worker?.poll()
    const again = await Promise.all(assets.map(({ asset }) => ask(system, asset, 'w100', 0)))
    return again.every(({ status }) => status === 200)
  })
})

test('a download that fails is no fault of the node, and costs it no attempt', async () => {
  const { asset, digest } = await upload()
  refusals = 1
  expect((await ask(system, asset, 'w110', 0)).status).toBe(202)
  const answering = ask(system, asset, 'w110', 10)
  await until('it is done', async () => {
    await system.worker?.poll()
    return (await nodesOf(digest))[0]?.state === 'DONE'
  })
  expect((await answering).status).toBe(200)
  expect(gets).toEqual(['refused', 'whole'])
  expect(await nodesOf(digest)).toEqual([{ state: 'DONE', attempts: 1, executions: 1 }])
})

test('what is asked for elsewhere is not heard of here, and hinted at', async () => {
  const { asset, digest } = await upload()
  expect((await ask(elsewhere, asset, 'w120', 0)).status).toBe(202)
  expect(gets).toEqual([])
  expect(await nodesOf(digest)).toEqual([{ state: 'QUEUED', attempts: 0, executions: 0 }])
  await system.worker?.poll()
  expect((await ask(elsewhere, asset, 'w120', 10)).status).toBe(200)
})

test('nodes that could not be planned are not claimed, and the download is given up', async () => {
  const { asset } = await upload()
  const [row] = await query<{ tenant: string; sha256: string; bytes: number; key: string }>(
    system.core,
    `select o.tenant_id as tenant, encode(o.sha256, 'hex') as sha256, o.byte_length::int as bytes, o.object_key as key
     from original o join asset_version v on v.tenant_id = o.tenant_id and v.sha256 = o.sha256 where v.asset_id = $1`,
    [asset],
  )
  if (!row) throw new Error('Expected an original')
  const { tenant, sha256, bytes, key: objectKey } = row
  const image = {
    format: 'png' as const,
    width: 600,
    height: 400,
    orientation: 1,
    frames: 1,
    hasAlpha: false,
    space: 'srgb',
    icc: 'none' as const,
    credit: {},
  }
  const original = { sha256, bytes, mediaType: 'image/png', objectKey, image }
  expect(await system.core.nearby.offer({ tenant, original, planned: Promise.resolve(false) })).toBe(false)
  expect((await ask(system, asset, 'w130', 10)).status).toBe(200)
})

test('without a worker an offer is declined', async () => {
  const original = { sha256: 'a'.repeat(64), bytes: 1, mediaType: 'image/png', objectKey: 'x', image: undefined }
  expect(await openNearby().offer({ tenant: 't', original, planned: Promise.resolve(true) })).toBe(false)
})

test('in the end rows, objects and events agree', async () => {
  await expectConsistent(system.core)
})
