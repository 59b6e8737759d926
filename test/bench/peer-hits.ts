/** A derivative that exists, asked for again: from us, from the cache of Next.js, and from ipx, which keeps nothing. */
import { load, type Measured } from './load.ts'
import type { Peers } from './peer-servers.ts'
import { ownCpuMs, treeCpuMs } from './processes.ts'
import { quantile, type Row, ratio, type Table } from './report.ts'
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

interface Contender {
  readonly name: string
  readonly server: Pick<Server, 'address' | 'pid'>
  readonly paths: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  readonly status?: number
  readonly samples: (Measured & { readonly cpuUs: number })[]
}

export const hits = async (options: HitsOptions): Promise<Table> => {
  const { servers, gateway, ourPaths, photos, seconds } = options
  const files = Array.from({ length: photos }, (_, photo) => options.fileOf(photo))
  const auth = { Authorization: `Bearer ${options.key}` }
  const webp = { Accept: 'image/webp' }
  const bare = await startBaseline('bare-hono', [`${gateway.address}/anywhere`, 'response'])
  const body = await startBaseline('bare-hono', [options.bodyFile, 'body'])
  const contender = (name: string, server: Contender['server'], more: Partial<Contender>): Contender => ({
    name,
    server,
    paths: ourPaths,
    samples: [],
    ...more,
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
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { server, paths, headers, status = 200, samples } of contenders) {
      const cpuOf = (): number => (server === gateway ? treeCpuMs(server.pid) : ownCpuMs(server.pid))
      const before = cpuOf()
      const own = { address: server.address, paths, connections: CONNECTIONS, status, ...(headers && { headers }) }
      const measured = await load({ ...own, seconds: round === 0 ? 1 : seconds })
      if (round > 0) samples.push({ ...measured, cpuUs: ((cpuOf() - before) * 1000) / measured.requests })
    }
  }
  await Promise.all([bare.stop(), body.stop()])

  const median = (values: readonly number[]): number => quantile(values, 0.5)
  const rows: Row[] = contenders.map(({ name, samples }) => {
    const of = (pick: (sample: Contender['samples'][number]) => number): number => median(samples.map(pick))
    const against = (reference: Contender | undefined): string =>
      ratio(
        median(samples.map((one, round) => one.perSecond / (reference?.samples[round]?.perSecond ?? Number.NaN))),
        1,
      )
    return [
      name,
      Math.round(of(({ perSecond }) => perSecond)),
      against(contenders[0]),
      against(contenders[1]),
      of(({ p50Ms }) => p50Ms),
      of(({ p99Ms }) => p99Ms),
      Math.round(of(({ cpuUs }) => cpuUs)),
    ]
  })
  return {
    title: `Peers, a derivative that exists, WebP 400 px, ${CONNECTIONS} connections`,
    note: `Median of ${ROUNDS} rounds of ${seconds} s, ratios within the round; the generator shares the machine. We read Postgres for every answer; Next.js reads its cache on disk; ipx has no cache and makes it again.`,
    columns: ['', 'requests/s', 'of bare redirect', 'of bare bytes', 'p50 ms', 'p99 ms', 'CPU us'],
    rows,
  }
}
