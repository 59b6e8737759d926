/** What is promised, kept or not at a load that is plain to state: `/v1/sla` beside what the callers saw in the same run. */
import { cpus } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { Sla } from '../../src/sdk/api.ts'
import { call, renditionPath, setUp, upload } from './client.ts'
import type { Photo } from './photos.ts'
import { quantile, type Row } from './report.ts'
import type { Gateway, World } from './world.ts'

const RATE = 200
const ASSETS = 20
/** Of a hundred requests; the others resolve. A picture comes in besides, every second. */
const METADATA = 15
const CONTROL = 5

/** Begun when its time has come, whether or not those before it are done. */
const openLoop = async (count: number, perSecond: number, work: (n: number) => Promise<void>): Promise<void> => {
  const startedAt = performance.now()
  const running: Promise<void>[] = []
  for (let n = 0; n < count; n++) {
    const early = startedAt + (1_000 * n) / perSecond - performance.now()
    if (early > 0) await delay(early)
    running.push(work(n))
  }
  await Promise.all(running)
}

const ready = async (gateway: Gateway, key: string, { bytes }: Photo): Promise<string> => {
  const { asset } = await upload(gateway, key, bytes)
  for (let status = 0; status !== 302; ) {
    const path = renditionPath('shop', asset, 'card')
    ;({ status } = await call(gateway, 'GET', path, { key, headers: { Prefer: 'wait=10' } }))
  }
  return asset
}

export const serviceLevels = async (world: World, photos: readonly Photo[], seconds: number) => {
  const store = await world.newStore()
  const [gateway, worker] = [
    await world.startGateway({ store, env: { ROLE: 'gateway' } }),
    await world.startGateway({ store, env: { ROLE: 'all', WORKERS: '1' } }),
  ]
  const keys = await setUp(gateway, [
    { product: 'shop', name: 'card', recipe: { resize: { width: 640 }, formats: ['jpeg'] } },
    { product: 'blog', name: 'teaser', recipe: { resize: { width: 320 }, formats: ['webp'] } },
  ])
  const key = keys.shop ?? ''
  const photo = (n: number): Photo => photos[n % photos.length] as Photo
  const assets: string[] = []
  for (let n = 0; n < Math.min(ASSETS, photos.length); n++) assets.push(await ready(gateway, key, photo(n)))
  /** Other bytes each time: what is there already is made at once. */
  const fresh = (n: number): Uint8Array => Buffer.concat([photo(n).bytes, Buffer.from(`${performance.now()}`)])

  const seen = new Map<string, number[]>()
  const timed = async (kind: string, work: () => Promise<unknown>): Promise<void> => {
    const startedAt = performance.now()
    await work()
    seen.set(kind, [...(seen.get(kind) ?? []), performance.now() - startedAt])
  }
  const ask = (n: number): Promise<void> => {
    const asset = assets[n % assets.length] as string
    const headers = { 'If-Match': '*' }
    if (n % 100 < CONTROL)
      return timed('control', () =>
        call(gateway, 'POST', `/v1/assets/${asset}/publish`, { key, headers, body: { version: 1 } }),
      )
    if (n % 100 < CONTROL + METADATA)
      return timed('metadata', () => call(gateway, 'GET', `/v1/assets/${asset}`, { key }))
    return timed('resolve', () => call(gateway, 'GET', renditionPath('shop', asset, 'card'), { key }))
  }
  await Promise.all([
    openLoop(RATE * seconds, RATE, ask),
    openLoop(seconds, 1, n => timed('upload', () => upload(gateway, key, fresh(n)))),
  ])
  const { levels } = (await (await call(gateway, 'GET', '/v1/sla')).json()) as Sla
  await Promise.all([gateway.stop(), worker.stop()])

  const ms = (value: number | null): string => (value === null ? '-' : (1_000 * value).toFixed(1))
  const rows = levels.map(({ class: name, goal, count, p50, p95, p99, errors }): Row => {
    const callers = seen.get(name)
    return [
      name,
      ms(goal),
      count,
      ms(p50),
      ms(p95),
      ms(p99),
      callers ? quantile(callers, 0.95).toFixed(1) : '-',
      errors,
    ]
  })
  return [
    {
      title: 'Service levels',
      note: `${RATE} requests a second for ${seconds} s, begun at their times: of a hundred ${100 - METADATA - CONTROL} resolve, ${METADATA} read an asset, ${CONTROL} publish, and each second a picture comes in for two products. A gateway that decodes nothing, a process with one decoder, one Postgres and one S3 server share ${cpus().length} cores with the callers. As \`GET /v1/sla\` has it, and what the callers saw.`,
      columns: ['class', 'goal p95 ms', 'count', 'p50 ms', 'p95 ms', 'p99 ms', 'p95 of the callers ms', 'failed'],
      rows,
    },
  ]
}
