/** Many at once: two gateways on one database, several workers, and always one effect. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { type DecodePool, openDecodePool } from '../../src/transform/decode-pool.ts'
import { openPixelBudget } from '../../src/transform/pixel-budget.ts'
import { openTransform, type TransformOriginal } from '../../src/transform/work.ts'
import { openWorker } from '../../src/worker.ts'
import { expectConsistent, expectIntact, query } from '../faults/intact.ts'
import { photo } from '../faults/photo.ts'
import { openSide, type Side } from '../faults/side.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'
import { until } from '../support/until.ts'

const UPLOADS = 20
const WORKERS = 8

let system: System
/** Two gateways with connections of their own. */
let sides: readonly [Side, Side]
let pool: DecodePool
beforeAll(async () => {
  system = await startSystem({ worker: false })
  sides = [await openSide(system), await openSide(system)]
  pool = openDecodePool({ size: 2 })
  await system.call('PUT', '/v1/collections/race', { key: ADMIN_KEY, body: { owner: 'shop-web' } })
  for (const [name, lane] of [
    ['eager', 'eager'],
    ['lazy', 'lazy'],
  ] as const) {
    const recipe = { resize: { width: lane === 'lazy' ? 24 : 16 }, formats: ['jpeg', 'webp'] }
    await system.call('PUT', `/v1/collections/race/products/shop-web/renditions/${name}`, {
      key: ADMIN_KEY,
      body: { recipe, lane },
    })
  }
})
afterAll(async () => {
  await pool.close()
  for (const side of sides) await side.close()
  await system.close()
})

const sideOf = (index: number): Side => sides[index % 2 === 0 ? 0 : 1]
const times = <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)))

interface Uploaded {
  readonly asset: string
  readonly version: number
  readonly digest: string
  readonly deduplicated: boolean
}

const upload = async (
  side: Side,
  bytes: Uint8Array,
  { to = '/v1/assets?collection=race', idempotencyKey = randomUUID() } = {},
) => {
  const response = await side.call('POST', to, {
    key: system.keys['shop-web'],
    body: new Uint8Array(bytes),
    headers: { 'Idempotency-Key': idempotencyKey },
  })
  return { status: response.status, body: (await response.json()) as Uploaded & { code?: string } }
}

const resolve = (side: Side, asset: string, rendition: string, query = '') =>
  side.call('GET', `/v1/products/shop-web/assets/${asset}/renditions/${rendition}${query}`, {
    key: system.keys['shop-web'],
    headers: { Accept: 'application/json' },
  })

const executionsOf = (digest: string) =>
  query<{ state: string; executions: number }>(
    system.core,
    `select state, executions from node where original = decode($1, 'hex')`,
    [digest.slice('sha256:'.length)],
  )

const derived = (what: () => Promise<{ state: string }[]>) =>
  until('every node is done', async () => (await what()).every(({ state }) => state === 'DONE'), { withinMs: 30_000 })

/** Workers without a queue, in this process: they race for claims in Postgres, which is where it is decided. */
const raceFor = (original: string): Promise<number[]> => {
  const workers: TransformOriginal[] = Array.from({ length: WORKERS }, (_, index) =>
    openTransform({
      ...sideOf(index).core,
      pools: { urgent: pool, background: pool },
      avif: openPixelBudget(1e9),
      look: () => undefined,
      owner: `racer-${index}`,
      leaseMs: 60_000,
    }),
  )
  return Promise.all(workers.map(work => work(system.config.tenant, original)))
}

test(`${2 * UPLOADS} planners and ${WORKERS} workers: each node is executed once`, async () => {
  const bytes = await photo(1)
  const original = sha256Hex(bytes)
  const first = (await upload(sides[0], bytes)).body
  const planners = times(2 * UPLOADS, async index => {
    if (index % 2 === 0) return (await upload(sideOf(index / 2), bytes)).status
    return (await resolve(sideOf(index), first.asset, 'lazy', '?version=1')).status
  })
  const racing = until(
    'no node is left',
    async () => {
      await raceFor(original)
      const nodes = await executionsOf(`sha256:${original}`)
      return nodes.length === 4 && nodes.every(({ state }) => state === 'DONE')
    },
    { withinMs: 30_000 },
  )
  const statuses = await planners
  await racing
  expect(new Set(statuses.filter((_, index) => index % 2 === 0))).toEqual(new Set([201]))
  expect(statuses.filter(status => ![200, 201, 202].includes(status))).toEqual([])
  expect((await executionsOf(first.digest)).map(({ executions }) => executions)).toEqual([1, 1, 1, 1])
  const stored = await query(system.core, `select 1 from derivative`)
  expect(stored).toHaveLength(4)
  await expectConsistent(system.core)
})

test(`${UPLOADS} uploads of the same bytes at once: one original, ${UPLOADS} assets`, async () => {
  const bytes = await photo(2)
  const answers = await times(UPLOADS, index => upload(sideOf(index), bytes))
  expect(answers.map(({ status }) => status)).toEqual(Array(UPLOADS).fill(201))
  expect(new Set(answers.map(({ body }) => body.asset)).size).toBe(UPLOADS)
  expect(answers.filter(({ body }) => !body.deduplicated)).toHaveLength(1)
  expect(
    await query(system.core, `select 1 from original where sha256 = decode($1, 'hex')`, [sha256Hex(bytes)]),
  ).toHaveLength(1)
  await raceFor(sha256Hex(bytes))
  expect((await executionsOf(answers[0]!.body.digest)).map(({ executions }) => executions).sort()).toEqual([0, 0, 1, 1])
  await expectConsistent(system.core)
})

test('the same Idempotency-Key twenty times at once: one asset', async () => {
  const bytes = await photo(3)
  const idempotencyKey = randomUUID()
  const answers = await times(20, index => upload(sideOf(index), bytes, { idempotencyKey }))
  const made = answers.filter(({ status }) => status === 201)
  expect(made.length).toBeGreaterThan(0)
  expect(new Set(made.map(({ body }) => body.asset)).size).toBe(1)
  for (const { status, body } of answers)
    if (status !== 201) expect({ status, code: body.code }).toEqual({ status: 409, code: 'idempotency-in-flight' })
  expect(
    await query(system.core, `select 1 from asset_version where sha256 = decode($1, 'hex')`, [sha256Hex(bytes)]),
  ).toHaveLength(1)
  const again = await upload(sides[1], bytes, { idempotencyKey })
  expect(again).toMatchObject({ status: 201, body: { asset: made[0]?.body.asset } })
})

test('new versions of one asset at once are numbered without gap or repeat', async () => {
  const { asset } = (await upload(sides[0], await photo(4))).body
  const answers = await times(10, async index =>
    upload(sideOf(index), await photo(400 + index), { to: `/v1/assets/${asset}/versions` }),
  )
  expect(answers.map(({ body }) => body.version).sort((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  await times(10, async index => raceFor(sha256Hex(await photo(400 + index))))
  await expectConsistent(system.core)
})

const publishable = async (seed: number, versions: number): Promise<string> => {
  const bytes = await photo(seed)
  const { asset } = (await upload(sides[0], bytes, { to: '/v1/assets?collection=race&publish=manual' })).body
  for (let version = 2; version <= versions; version++) {
    await upload(sides[0], bytes, { to: `/v1/assets/${asset}/versions?publish=manual` })
  }
  await raceFor(sha256Hex(bytes))
  return asset
}

const publish = async (side: Side, asset: string, version: number, ifMatch: string) => {
  const response = await side.call('POST', `/v1/assets/${asset}/publish`, {
    key: system.keys['shop-web'],
    body: { version },
    headers: { 'If-Match': ifMatch },
  })
  return { status: response.status, body: (await response.json()) as { publication?: number; code?: string } }
}

test('four publishes with one If-Match: one succeeds, three have lost', async () => {
  const asset = await publishable(5, 4)
  for (let round = 0; round < 5; round++) {
    const answers = await times(4, index => publish(sideOf(index), asset, index + 1, `"p${round}"`))
    const winners = answers.filter(({ status }) => status === 200)
    // The version that is current already changes nothing; whoever asked for it may have been first.
    expect(winners.length).toBeGreaterThanOrEqual(1)
    const moved = winners.filter(({ body }) => body.publication === round + 1)
    expect(moved).toHaveLength(1)
    for (const { status, body } of answers)
      if (status !== 200) expect({ status, code: body.code }).toEqual({ status: 412, code: 'precondition-failed' })
    expect(answers.filter(({ status }) => status === 412).length).toBe(4 - winners.length)
  }
  await expectConsistent(system.core)
})

test('300 publishes, each seen at once through the other gateway', async () => {
  const asset = await publishable(6, 2)
  let stale = 0
  for (let pair = 0; pair < 300; pair++) {
    const version = (pair % 2) + 1
    const { status } = await publish(sideOf(pair), asset, version, '*')
    expect(status).toBe(200)
    const seen = (await (await resolve(sideOf(pair + 1), asset, 'eager')).json()) as {
      version: number
      publication: number
    }
    if (seen.version !== version || seen.publication !== pair + 1) stale++
  }
  expect(stale).toBe(0)
  await expectConsistent(system.core)
})

test('in the end rows, objects and events agree', async () => {
  await query(system.core, `update node set state = 'QUEUED', queued_at = now() where state = 'PLANNED'`)
  const worker = await openWorker(system.core)
  await derived(() => query(system.core, 'select state from node'))
  await worker.drain()
  await expectIntact(system.core, { s3Folder: system.s3.folder, spoolFolder: system.core.spoolFolder })
  expect(await query(system.core, 'select 1 from node where executions <> 1')).toEqual([])
})
