/** Warm resolve: the same redirect from us, from a bare Hono, and from what a team writes first, one after the other. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { call, renditionPath, setUp, upload } from './client.ts'
import { type Load, load, type Measured } from './load.ts'
import type { Photo } from './photos.ts'
import { ownCpuMs } from './processes.ts'
import { type Row, ratio } from './report.ts'
import { addressOf, ended, type World } from './world.ts'

const CONNECTIONS = 64
const COLUMNS = ['', 'requests/s', 'of bare Hono', 'p50 ms', 'p99 ms', 'CPU us a request']

interface Server {
  readonly address: string
  readonly pid: number
  stop(): Promise<void>
}

const startBaseline = async (name: string, argument: string, settings: object): Promise<Server> => {
  const file = fileURLToPath(new URL(`./baselines/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', file, argument], {
    env: { ...process.env, SETTINGS: JSON.stringify(settings) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return { address: await addressOf(child), pid: child.pid ?? 0, stop: () => ended(child) }
}

type Sample = Measured & { readonly cpuUs: number }

const sample = async (pid: number, what: Load): Promise<Sample> => {
  await load({ ...what, seconds: 2 }) // compiles what is hot and opens the connections to Postgres
  const before = ownCpuMs(pid)
  const measured = await load(what)
  return { ...measured, cpuUs: ((ownCpuMs(pid) - before) * 1000) / measured.requests }
}

export const warm = async (world: World, photos: readonly Photo[], seconds: number) => {
  const gateway = await world.startGateway()
  const recipe = { resize: { width: 400 }, formats: ['jpeg'] }
  const keys = await setUp(gateway, [{ product: 'shop', name: 'card', recipe }])
  const { asset } = await upload(gateway, keys.shop ?? '', photos[0]?.bytes ?? Buffer.alloc(0))
  const path = renditionPath('shop', asset, 'card')
  const redirect = await call(gateway, 'GET', path, { key: keys.shop ?? '', headers: { Prefer: 'wait=10' } })
  const location = redirect.headers.get('location') ?? ''
  if (redirect.status !== 302) throw new Error(`Expected a redirect but received ${redirect.status}`)

  const authorization = { Authorization: `Bearer ${keys.shop}` }
  const question = { headers: authorization, connections: CONNECTIONS, seconds, status: 302 }
  const bare = await startBaseline('bare-hono', location, {})
  const first = await startBaseline('first-attempt', '', {
    databaseUrl: gateway.store.databaseUrl,
    bucket: gateway.store.buckets.derivatives,
    s3: world.s3,
  })
  const at = (server: Server, more: Partial<Load> = {}, where = path) =>
    sample(server.pid, { ...question, ...more, url: `${server.address}${where}` })

  // The reference is taken before and after: a machine that others use changes under the run.
  const before = await at(bare)
  const redirects = await at(gateway)
  const json = await at(gateway, { status: 200, headers: { ...authorization, Accept: 'application/json' } })
  const delivery = await at(gateway, {}, `/i/shop/${asset}/current/card.jpg`)
  const naive = await at(first)
  const after = await at(bare)
  await Promise.all([bare.stop(), first.stop(), gateway.stop()])

  const reference = (before.perSecond + after.perSecond) / 2
  const row = (name: string, { perSecond, p50Ms, p99Ms, cpuUs }: Sample): Row => [
    name,
    Math.round(perSecond),
    ratio(perSecond, reference),
    p50Ms,
    p99Ms,
    Math.round(cpuUs),
  ]
  return [
    {
      title: `Warm resolve, ${CONNECTIONS} connections`,
      note: 'Every answer of ours stands on a read of Postgres that began after the request came; generator and Postgres share the machine.',
      columns: COLUMNS,
      rows: [
        row('bare Hono, 302 (before)', before),
        row('bare Hono, 302 (after)', after),
        row('ours, redirect', redirects),
        row('ours, JSON', json),
        row('ours, /i/ redirect', delivery),
        row('written first: drizzle per call, getSignedUrl', naive),
      ],
    },
  ]
}
