/** A derivative that exists, asked for again: from us, from the cache of Next.js, and from ipx, which keeps nothing. */
import type { Peers } from './peer-servers.ts'
import { ownCpuMs, treeCpuMs } from './processes.ts'
import type { Row, Table } from './report.ts'
import { against, type Contender, measureRounds, median, type Sample } from './rounds.ts'
import { type Server, startBaseline } from './warm.ts'
import type { Gateway } from './world.ts'

const CONNECTIONS = 16
const ROUNDS = 3

interface HitsOptions {
  /** What the bare Hono answers with where it answers with a body. */
  readonly bodyFile: string
  readonly photos: number
  readonly seconds: number
  readonly servers: Peers
  readonly gateway: Gateway
  readonly key: string
  /** Of derivatives that are made. */
  readonly ourPaths: readonly string[]
  fileOf(photo: number): string
}

export const hits = async (options: HitsOptions): Promise<Table> => {
  const { servers, gateway, ourPaths, photos, seconds } = options
  const files = Array.from({ length: photos }, (_, photo) => options.fileOf(photo))
  const auth = { Authorization: `Bearer ${options.key}` }
  const webp = { Accept: 'image/webp' }
  const bare = await startBaseline('bare-hono', [`${gateway.address}/anywhere`, 'response'])
  const body = await startBaseline('bare-hono', [options.bodyFile, 'body'])
  const contender = (
    name: string,
    server: Pick<Server, 'address' | 'pid'>,
    { paths = ourPaths, headers = {}, status = 200 }: Partial<Pick<Contender, 'paths' | 'headers' | 'status'>>,
  ): Contender => ({
    name,
    address: server.address,
    paths,
    headers,
    status,
    cpuMs: () => (server === gateway ? treeCpuMs(server.pid) : ownCpuMs(server.pid)),
  })
  const contenders = [
    contender('bare Hono, redirect', bare, { status: 302 }),
    contender('bare Hono, the bytes from memory', body, {}),
    contender('ours, redirect', gateway, { headers: auth, status: 302 }),
    contender('ours, the bytes', gateway, { headers: auth, paths: ourPaths.map(path => `${path}?delivery=stream`) }),
    contender('Next.js, the bytes', servers.next, {
      headers: webp,
      paths: files.map(file => `/_next/image?url=%2Fphotos%2F${file}&w=400&q=80`),
    }),
    contender('ipx, made again', servers.ipx, {
      headers: webp,
      paths: files.map(file => `/w_400,f_webp,q_80/${file}`),
    }),
  ]
  const all = await measureRounds(contenders, { connections: CONNECTIONS, seconds, rounds: ROUNDS })
  await Promise.all([bare.stop(), body.stop()])

  const [redirect = [], bytes = []] = all.values()
  const perSecond = (sample: Sample): number => sample.perSecond
  const rows = [...all].map(
    ([{ name }, samples]): Row => [
      name,
      Math.round(median(samples, perSecond)),
      against(samples, redirect, perSecond),
      against(samples, bytes, perSecond),
      median(samples, ({ p50Ms }) => p50Ms),
      median(samples, ({ p99Ms }) => p99Ms),
      Math.round(median(samples, ({ cpuUs }) => cpuUs)),
    ],
  )
  return {
    title: `Peers, a derivative that exists, WebP 400 px, ${CONNECTIONS} connections`,
    note: `Median of ${ROUNDS} rounds of ${seconds} s, ratios within the round; the generator shares the machine. We read Postgres for every answer; Next.js reads its cache on disk; ipx has no cache and makes it again.`,
    columns: ['', 'requests/s', 'of bare redirect', 'of bare bytes', 'p50 ms', 'p99 ms', 'CPU us'],
    rows,
  }
}
