/** Warm delivery of bytes: from memory and from S3, beside what sends the same bytes and does nothing else, and what teams use or write first. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { call, renditionPath, setUp, upload } from './client.ts'
import { startPeers } from './peer-servers.ts'
import type { Photo } from './photos.ts'
import { ownCpuMs, treeCpuMs } from './processes.ts'
import type { Row, Table } from './report.ts'
import { against, type Contender, measureRounds, median, type Sample } from './rounds.ts'
import { slowReaders } from './slow-readers.ts'
import { startStaticNginx } from './static-nginx.ts'
import { type Server, startBaseline } from './warm.ts'
import { analyse, type World } from './world.ts'

const CONNECTIONS = 64
const ASSETS = 8
const ROUNDS = 3

const SIZES = [
  { name: 'small', ext: 'webp', recipe: { resize: { width: 800 }, formats: [{ format: 'webp', quality: 80 }] } },
  {
    name: 'large',
    ext: 'jpg',
    recipe: { resize: { width: 2400 }, formats: [{ format: 'jpeg', quality: 95, maxBytes: 500_000 }] },
  },
] as const

type Size = (typeof SIZES)[number]

export interface DeliveryOptions {
  readonly seconds: number
  /** ipx and Next.js, which are installed from the registry. */
  readonly peers: boolean
}

const largest = (photos: readonly Photo[]): Photo =>
  photos.reduce((one, other) => (other.bytes.length > one.bytes.length ? other : one))

export const delivery = async (world: World, photos: readonly Photo[], { seconds, peers }: DeliveryOptions) => {
  const gateway = await world.startGateway()
  const stops: (() => Promise<void>)[] = [gateway.stop]
  try {
    const wishes = SIZES.map(({ name, recipe }) => ({ product: 'shop', name, recipe }))
    const key = (await setUp(gateway, wishes)).shop ?? ''
    const edge = { role: 'owner', delivery: 'stream', original_access: true }
    await call(gateway, 'PUT', '/v1/collections/photos/grants/shop', { body: edge, headers: { 'If-Match': '*' } })

    // What follows the end of a JPEG is not looked at, and makes it another original.
    const sources = Array.from({ length: ASSETS }, (_, i) =>
      Buffer.concat([largest(photos).bytes, Buffer.from(`#${i}`)]),
    )
    const assets: string[] = []
    for (const bytes of sources) assets.push((await upload(gateway, key, bytes)).asset)
    const folder = join(world.folder, 'derivatives')
    await mkdir(folder)
    const bytesOf: Record<string, number> = {}
    for (const { name, ext } of SIZES) {
      for (const [i, asset] of assets.entries()) {
        const path = `${renditionPath('shop', asset, name)}?delivery=stream`
        const response = await call(gateway, 'GET', path, { key, headers: { Prefer: 'wait=30' } })
        const bytes = new Uint8Array(await response.arrayBuffer())
        bytesOf[name] = bytes.length
        await writeFile(join(folder, `${i}-${name}.${ext}`), bytes)
      }
    }
    await analyse(gateway.store)

    const started = async <T extends Pick<Server, 'stop'>>(starting: Promise<T>): Promise<T> => {
      const server = await starting
      stops.push(() => server.stop())
      return server
    }
    const cold = await started(world.startGateway({ store: gateway.store, env: { HOT_BYTES: '0', ROLE: 'gateway' } }))
    const node = await started(startBaseline('bare-bytes', [folder, 'node']))
    const hono = await started(startBaseline('bare-bytes', [folder, 'hono']))
    const settings = {
      databaseUrl: gateway.store.databaseUrl,
      bucket: gateway.store.buckets.derivatives,
      s3: world.s3,
    }
    const first = await started(startBaseline('first-attempt', [], settings))
    const nginx = await startStaticNginx(world, folder)
    if (nginx) stops.push(() => nginx.stop())
    const others = peers
      ? await started(startPeers(new Map(sources.map((bytes, i) => [`${i}.jpg`, bytes]))))
      : undefined

    const auth = { Authorization: `Bearer ${key}` }
    const enginesMs = (): number => treeCpuMs(world.postgresPid) + treeCpuMs(world.s3.pid)
    const served = ({ address, pid }: Pick<Server, 'address' | 'pid'>) => ({
      address,
      status: 200,
      cpuMs: () => ownCpuMs(pid),
    })
    const contendersFor = ({ name, ext }: Size): Contender[] => {
      const files = assets.map((_, i) => `/${i}-${name}.${ext}`)
      const ours = assets.map(asset => `/i/shop/${asset}/current/${name}.${ext}`)
      const webp = { Accept: 'image/webp' }
      return [
        { name: 'bare node, the bytes from memory', ...served(node), paths: files },
        { name: 'bare Hono, the bytes from memory', ...served(hono), paths: files },
        ...(nginx ? [{ name: 'nginx, static files', ...served(nginx), paths: files }] : []),
        { name: 'ours, from memory', ...served(gateway), enginesMs, paths: ours, headers: auth },
        { name: 'ours, from S3 each time (`HOT_BYTES=0`)', ...served(cold), enginesMs, paths: ours, headers: auth },
        {
          name: 'written first: drizzle per call, the S3 body as a web stream',
          ...served(first),
          enginesMs,
          paths: assets.map(asset => `${renditionPath('shop', asset, name)}?delivery=stream`),
          headers: auth,
        },
        ...(others && name === 'small'
          ? [
              {
                name: 'Next.js, its cache on disk',
                ...served(others.next),
                paths: assets.map((_, i) => `/_next/image?url=%2Fphotos%2F${i}.jpg&w=800&q=80`),
                headers: webp,
              },
              {
                name: 'ipx, which makes it again',
                ...served(others.ipx),
                paths: assets.map((_, i) => `/w_800,f_webp,q_80/${i}.jpg`),
                headers: webp,
              },
            ]
          : []),
      ]
    }

    const tables: Table[] = []
    for (const size of SIZES) {
      const samples = await measureRounds(contendersFor(size), { connections: CONNECTIONS, seconds, rounds: ROUNDS })
      tables.push(tableOf(samples, Math.round((bytesOf[size.name] ?? 0) / 1000)))
    }
    tables.push(await slowReaders(gateway, key))
    return tables
  } finally {
    for (const stop of stops.reverse()) await stop()
  }
}

const tableOf = (samples: ReadonlyMap<Contender, readonly Sample[]>, kilobytes: number): Table => {
  const [node = [], hono = []] = [...samples.values()]
  const nginx = [...samples].find(([{ name }]) => name.startsWith('nginx'))?.[1]
  const perSecond = (sample: Sample): number => sample.perSecond
  const cpu = (sample: Sample): number => sample.cpuUs
  const rows = [...samples].map(
    ([{ name, enginesMs }, own]): Row => [
      name,
      Math.round(median(own, perSecond)),
      against(own, node, perSecond),
      against(own, hono, perSecond),
      nginx ? against(own, nginx, perSecond) : '-',
      median(own, ({ p50Ms }) => p50Ms),
      median(own, ({ p99Ms }) => p99Ms),
      Math.round(median(own, cpu)),
      against(own, hono, cpu),
      enginesMs ? Math.round(median(own, ({ enginesUs }) => enginesUs)) : '-',
    ],
  )
  return {
    title: `Warm delivery of ${kilobytes} KB, ${CONNECTIONS} connections, ${ASSETS} assets`,
    note: `Every answer of ours stands on a read of Postgres that began after the request came, and bytes from S3 are verified by their hash. One process each; generator, Postgres and S3 share the machine. Median of ${ROUNDS} rounds, ratios within the round; those of CPU hold on a machine that others use.`,
    columns: [
      '',
      'requests/s',
      'of bare node',
      'of bare Hono',
      'of nginx',
      'p50 ms',
      'p99 ms',
      'CPU us',
      'CPU of bare Hono',
      'Postgres and S3 CPU us',
    ],
    rows,
  }
}
