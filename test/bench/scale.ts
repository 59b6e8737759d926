/**
 * What a hundred times as many assets cost: resolve, publish, upload and listing at each size of the same manifest, latency and
 * the CPU of one request; what an idle system takes; bytes of manifest an asset; and what a second gateway adds.
 *
 * `npm run bench -- --only scale --assets 10000,100000,1000000`. Nothing but the manifest is filled: a redirect needs no object.
 */
import { totalmem } from 'node:os'
import type { Photo } from './photos.ts'
import type { Row, Table } from './report.ts'
import {
  busyDuring,
  idling,
  listAny,
  openPublishing,
  type Place,
  resolveAny,
  resolveHot,
  type Sample,
  uploadSmall,
} from './scale-measures.ts'
import {
  type AtSize,
  count,
  cpuOf,
  draw,
  growth,
  type Idle,
  median,
  type Round,
  sizesOf,
  tablesOf,
} from './scale-tables.ts'
import { type Filled, fill, prepareFill, settle, tableSizes } from './scale-world.ts'
import { openWorld, type World } from './world.ts'

const IDLE_SECONDS = 20
/** Every size has its turn in every round: a machine that others use changes under a run. */
const ROUNDS = 3

const tell = (what: string): void => console.error(`scale: ${what}`)

/** A whole process of which nobody asks anything, after it has done what was left to do. */
const restAt = async (world: World, filled: Filled): Promise<Pick<AtSize, 'tables' | 'idle'>> => {
  tell(`${count(filled.assets)} assets at rest`)
  const whole = await world.startGateway({ store: filled.store })
  await settle(filled)
  const tables = await tableSizes(filled.database)
  const rounds = [await idling(world, whole, IDLE_SECONDS), await idling(world, whole, IDLE_SECONDS)]
  await whole.stop()
  const least = (pick: (idle: Idle) => number): number => Math.min(...rounds.map(pick))
  return { tables, idle: { gatewayMs: least(idle => idle.gatewayMs), postgresMs: least(idle => idle.postgresMs) } }
}

const openPlace = async (world: World, filled: Filled): Promise<Place> => {
  const options = { store: filled.store, env: { ROLE: 'gateway' } }
  return { ...filled, world, pair: [await world.startGateway(options), await world.startGateway(options)] }
}

const measure = async (places: readonly Place[], seconds: number): Promise<Round[][]> => {
  const all = await Promise.all(places.map(async place => ({ place, publish: await openPublishing(place) })))
  const rounds: Round[][] = places.map(() => [])
  for (let round = 0; round <= ROUNDS; round++) {
    tell(`round ${round} of ${ROUNDS}`)
    for (const [index, { place, publish }] of all.entries()) {
      const only = place.pair.slice(0, 1)
      const sampled = {
        hot: await resolveHot(place, only, seconds),
        any: await resolveAny(place, only, seconds),
        published: await publish(),
        listed: await listAny(place),
        uploaded: await uploadSmall(place),
      }
      if (round > 0) rounds[index]?.push(sampled) // the first compiles what is hot
    }
  }
  return rounds
}

/** Two processes over one database, each under its own load; the machine also carries Postgres and the generators. */
const together = async (place: Place, seconds: number): Promise<Table> => {
  const rows: Row[] = []
  for (const [name, ask] of [
    ['hot', resolveHot],
    ['any', resolveAny],
  ] as const) {
    const turns: Record<'alone' | 'both', { result: Sample; busy: number }>[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const alone = await busyDuring(() => ask(place, place.pair.slice(0, 1), seconds))
      turns.push({ alone, both: await busyDuring(() => ask(place, place.pair, seconds)) })
    }
    for (const [processes, which] of [
      [1, 'alone'],
      [2, 'both'],
    ] as const) {
      const of = (pick: (sample: Sample) => number): number => median(turns.map(turn => pick(turn[which].result)))
      const to = (pick: (sample: Sample) => number): string =>
        median(turns.map(turn => pick(turn[which].result) / pick(turn.alone.result))).toFixed(2)
      rows.push([
        `resolve, ${name}`,
        processes,
        count(of(({ perSecond }) => perSecond)),
        to(({ perSecond }) => perSecond),
        count(of(({ gatewayUs }) => gatewayUs)),
        count(of(({ postgresUs }) => postgresUs)),
        to(cpuOf),
        `${Math.round(100 * median(turns.map(turn => turn[which].busy)))} %`,
      ])
    }
  }
  return {
    title: `Scale: gateways on one database of ${count(place.assets)} assets`,
    note: 'Postgres and the generators are on the same cores: throughput cannot double where one process and its load have filled them. What has to stay is the CPU of a request.',
    columns: ['', 'gateways', 'a second', 'of one', 'gateway CPU us', 'Postgres CPU us', 'CPU of one', 'cores busy'],
    rows,
  }
}

/** As its manual advises for a server of its own: a quarter of the memory, and no checkpoint because of the log alone. */
const SERVER = { shared_buffers: `${Math.floor(totalmem() / 4 / 2 ** 20)}MB`, max_wal_size: '8GB' }

const inWorld = async (
  world: World,
  photos: readonly Photo[],
  { assets, seconds }: { assets: readonly number[]; seconds: number },
): Promise<readonly Table[]> => {
  const prepared = await prepareFill(world, photos)
  const filled: Filled[] = []
  for (const size of assets) filled.push(await fill(prepared, size))
  const rests: Pick<AtSize, 'tables' | 'idle'>[] = []
  for (const each of filled) rests.push(await restAt(world, each))
  const places = await Promise.all(filled.map(each => openPlace(world, each)))
  const rounds = await measure(places, seconds)
  const largest = places.at(-1)
  if (!largest) throw new Error('Expected at least one number of assets')
  const pair = await together(largest, seconds)
  const sizes = places.map((place, index): AtSize => {
    const rest = rests[index]
    if (!rest) throw new Error('Every size has been at rest')
    return { assets: place.assets, filledPerSecond: place.perSecond, ...rest, rounds: rounds[index] ?? [] }
  })
  await Promise.all(places.flatMap(({ pair, database }) => [...pair.map(gateway => gateway.stop()), database.end()]))
  await draw(sizes)
  return [growth(sizes), sizesOf(sizes), ...sizes.slice(-1).map(tablesOf), pair]
}

export const scale = async (
  { root }: World,
  photos: readonly Photo[],
  options: { assets: readonly number[]; seconds: number },
): Promise<readonly Table[]> => {
  const world = await openWorld(root, SERVER)
  try {
    return await inWorld(world, photos, options)
  } finally {
    await world.close()
  }
}
