/** What is measured at every size: the same load, its latency, and the CPU that one request takes of gateways and of Postgres. */
import { readFileSync } from 'node:fs'
import sharp from 'sharp'
import { assetIdAt, type Numbering } from '../support/many-assets.ts'
import { call, renditionPath, upload } from './client.ts'
import { type Load, load } from './load.ts'
import { ownCpuMs, treeCpuMs } from './processes.ts'
import { quantile } from './report.ts'
import type { Filled, Pair } from './scale-world.ts'
import type { Gateway, World } from './world.ts'

export interface Sample {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly gatewayUs: number
  readonly postgresUs: number
}

export interface Place extends Filled {
  readonly world: World
  readonly pair: Pair
}

const CONNECTIONS = 64
const HOT = 1_000
const AT_ONCE = 4
/** Assets that are published to and fro, on each of whose second versions nothing waits. */
const PUBLISHED = 100
const PUBLISHES = 200
const UPLOADS = 100
const PAGES = 60

/** The CPU of some work, of the gateways and of Postgres. */
const spending = async <T>(world: World, gateways: readonly Gateway[], work: () => Promise<T>) => {
  const read = () => [gateways.reduce((sum, { pid }) => sum + ownCpuMs(pid), 0), treeCpuMs(world.postgresPid)] as const
  const before = read()
  const result = await work()
  const after = read()
  return { result, gatewayMs: after[0] - before[0], postgresMs: after[1] - before[1] }
}

/** Spread evenly over all that there are. */
const spread = (numbering: Numbering, assets: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => assetIdAt(numbering, Math.floor(((index + 0.5) * assets) / count)))

const card = (asset: string): string => renditionPath('shop', asset, 'card')

/** At all gateways at once, each with its own generator. */
const loadAll = async (world: World, gateways: readonly Gateway[], what: Omit<Load, 'address'>): Promise<Sample> => {
  const work = () => Promise.all(gateways.map(({ address }) => load({ ...what, address })))
  const { result, gatewayMs, postgresMs } = await spending(world, gateways, work)
  const requests = result.reduce((sum, each) => sum + each.requests, 0)
  return {
    perSecond: result.reduce((sum, { perSecond }) => sum + perSecond, 0),
    p50Ms: Math.max(...result.map(({ p50Ms }) => p50Ms)),
    p99Ms: Math.max(...result.map(({ p99Ms }) => p99Ms)),
    gatewayUs: (gatewayMs * 1000) / requests,
    postgresUs: (postgresMs * 1000) / requests,
  }
}

/** A thousand assets again and again: what was read whole is kept, and asked about by its stamp. */
export const resolveHot = ({ world, keys, numbering, assets }: Place, gateways: readonly Gateway[], seconds: number) =>
  loadAll(world, gateways, {
    paths: spread(numbering, assets, Math.min(HOT, assets)).map(card),
    headers: { Authorization: `Bearer ${keys[0]}` },
    connections: CONNECTIONS,
    seconds,
    status: 302,
  })

/** Any asset, with one of so many keys that there are a million questions at every size: nearly each is read whole. */
export const resolveAny = (
  { world, keys, numbering, assets }: Place,
  gateways: readonly Gateway[],
  seconds: number,
) => {
  const [before = '', after = ''] = card('*').split('*')
  const some = keys.slice(0, Math.max(1, Math.round(1_000_000 / assets)))
  return loadAll(world, gateways, {
    drawn: { numbering, count: assets, before, after, keys: some },
    connections: CONNECTIONS,
    seconds,
    status: 302,
  })
}

/** A few at once, as many times; each gives how long it took. */
const repeat = async (times: number, work: (lane: number) => Promise<number>): Promise<number[]> => {
  const took: number[] = []
  const lanes = Array.from({ length: AT_ONCE }, async (_, lane) => {
    for (let round = 0; round < times / AT_ONCE; round++) took.push(await work(lane))
  })
  await Promise.all(lanes)
  return took
}

const timed = async (
  { world, pair: [here] }: Place,
  times: number,
  work: (lane: number) => Promise<number>,
): Promise<Sample> => {
  const startedAt = performance.now()
  const { result, gatewayMs, postgresMs } = await spending(world, [here], () => repeat(times, work))
  return {
    perSecond: (result.length * 1000) / (performance.now() - startedAt),
    p50Ms: quantile(result, 0.5),
    p99Ms: quantile(result, 0.99),
    gatewayUs: (gatewayMs * 1000) / result.length,
    postgresUs: (postgresMs * 1000) / result.length,
  }
}

export interface Published extends Sample {
  /** From the acknowledgement to the answer of a gateway that took no part in it, ms. */
  readonly seen: readonly number[]
  readonly stale: number
}

/** The pointer there and back, and how soon the other gateway shows it. */
export const openPublishing = async (place: Place): Promise<() => Promise<Published>> => {
  const { keys, numbering, assets, photo, pair } = place
  const [here, there] = pair
  const key = keys[0] ?? ''
  const chosen = spread(numbering, assets, PUBLISHED)
  const current = new Map<string, number>()
  for (const asset of chosen)
    await call(here, 'POST', `/v1/assets/${asset}/versions?publish=manual`, { key, body: photo })
  return async () => {
    const seen: number[] = []
    const turns = Array.from({ length: AT_ONCE }, () => 0)
    let stale = 0
    const sample = await timed(place, PUBLISHES, async lane => {
      const turn = turns[lane] ?? 0
      turns[lane] = turn + 1
      // Lanes have assets of their own: two publishes of one would wait for each other.
      const asset = chosen[((turn * AT_ONCE) % PUBLISHED) + lane] ?? ''
      const version = current.get(asset) === 2 ? 1 : 2
      current.set(asset, version)
      const headers = { 'If-Match': '*' }
      const askedAt = performance.now()
      const done = await call(here, 'POST', `/v1/assets/${asset}/publish`, { key, body: { version }, headers })
      const committedBy = performance.now()
      const answer = await call(there, 'GET', card(asset), { key })
      seen.push(performance.now() - committedBy)
      if (answer.headers.get('matrix-publication') !== done.headers.get('matrix-publication')) stale++
      return committedBy - askedAt
    })
    return { ...sample, seen, stale }
  }
}

/** A small picture, each another: bytes stored, nodes and leaves of three products planned; nobody makes them meanwhile. */
export const uploadSmall = async (place: Place): Promise<Sample> => {
  const picture = await sharp({ create: { width: 1000, height: 20, channels: 3, background: '#456' } })
    .jpeg()
    .toBuffer()
  const key = place.keys[0] ?? ''
  return timed(place, UPLOADS, async () => {
    const startedAt = performance.now()
    await upload(place.pair[0], key, Buffer.concat([picture, Buffer.from(crypto.randomUUID())]))
    return performance.now() - startedAt
  })
}

/** Fifty assets from anywhere in the collection. */
export const listAny = (place: Place): Promise<Sample> =>
  timed(place, PAGES, async () => {
    const { numbering, assets, keys, pair } = place
    const cursor = Buffer.from(assetIdAt(numbering, Math.floor(Math.random() * assets))).toString('base64url')
    const path = `/v1/assets?collection=photos&limit=50&cursor=${cursor}`
    const startedAt = performance.now()
    await call(pair[0], 'GET', path, { key: keys[0] ?? '' })
    return performance.now() - startedAt
  })

/** CPU of a minute in which nobody asks anything, ms. */
export const idling = async (world: World, gateway: Gateway, seconds: number) => {
  const wait = () => new Promise<void>(resolve => setTimeout(resolve, seconds * 1000))
  const { gatewayMs, postgresMs } = await spending(world, [gateway], wait)
  return { gatewayMs: (gatewayMs * 60) / seconds, postgresMs: (postgresMs * 60) / seconds }
}

/** Share of all cores that were busy during some work, whoever kept them so. */
export const busyDuring = async <T>(work: () => Promise<T>): Promise<{ result: T; busy: number }> => {
  const read = (): readonly [all: number, idle: number] => {
    const line = readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? ''
    const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number)
    return [ticks.reduce((sum, tick) => sum + tick, 0), (ticks[3] ?? 0) + (ticks[4] ?? 0)]
  }
  const before = read()
  const result = await work()
  const after = read()
  return { result, busy: 1 - (after[1] - before[1]) / (after[0] - before[0]) }
}
