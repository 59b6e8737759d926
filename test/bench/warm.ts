/** Warm resolve: the same redirect from us, from a bare Hono, and from what a team writes first. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { call, renditionPath, setUp, upload } from './client.ts'
import type { Photo } from './photos.ts'
import { ownCpuMs, treeCpuMs } from './processes.ts'
import type { Row } from './report.ts'
import { against, type Contender, measureRounds, median, type Sample } from './rounds.ts'
import { addressOf, analyse, ended, type World } from './world.ts'

const CONNECTIONS = 64
/** Different ones, so that no answer is had for the question of a neighbour. */
const ASSETS = 100
/** Everybody's turn comes in every round: a machine that others use changes under a run. */
const ROUNDS = 5

export interface Server {
  readonly address: string
  readonly pid: number
  stop(): Promise<void>
}

export const startBaseline = async (name: string, argumentsOf: readonly string[], settings = {}): Promise<Server> => {
  const file = fileURLToPath(new URL(`./baselines/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...argumentsOf], {
    env: { ...process.env, SETTINGS: JSON.stringify(settings) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return { address: await addressOf(child), pid: child.pid ?? 0, stop: () => ended(child) }
}

export const warm = async (world: World, photos: readonly Photo[], seconds: number) => {
  const gateway = await world.startGateway()
  const recipe = { resize: { width: 400 }, formats: ['jpeg'] }
  const key = (await setUp(gateway, [{ product: 'shop', name: 'card', recipe }])).shop ?? ''
  const assets: string[] = []
  while (assets.length < ASSETS) {
    // What follows the end of a JPEG is not looked at, and makes it another original.
    const bytes = Buffer.concat([photos[0]?.bytes ?? Buffer.alloc(0), Buffer.from(`#${assets.length}`)])
    assets.push((await upload(gateway, key, bytes)).asset)
  }
  const paths = assets.map(asset => renditionPath('shop', asset, 'card'))
  for (const path of paths) await call(gateway, 'GET', path, { key, headers: { Prefer: 'wait=10' } })
  await analyse(gateway.store)
  const location = (await call(gateway, 'GET', paths[0] ?? '', { key })).headers.get('location') ?? ''

  const bare = await startBaseline('bare-hono', [location, 'response'])
  const usual = await startBaseline('bare-hono', [location, 'redirect'])
  const first = await startBaseline('first-attempt', [], {
    databaseUrl: gateway.store.databaseUrl,
    bucket: gateway.store.buckets.derivatives,
    s3: world.s3,
  })
  const enginesMs = (): number => treeCpuMs(world.postgresPid)
  const contender = (
    name: string,
    { address, pid }: Server,
    { accept, ...more }: { accept?: string; paths?: readonly string[]; status?: number } = {},
  ): Contender => ({
    name,
    address,
    paths,
    headers: { Authorization: `Bearer ${key}`, ...(accept && { Accept: accept }) },
    status: 302,
    cpuMs: () => ownCpuMs(pid),
    enginesMs,
    ...more,
  })
  const contenders = [
    contender('bare Hono, `new Response`', bare),
    contender('bare Hono, `c.header` and `c.redirect`', usual),
    contender('ours, redirect', gateway),
    contender('ours, JSON', gateway, { accept: 'application/json', status: 200 }),
    contender('ours, /i/ redirect', gateway, { paths: assets.map(asset => `/i/shop/${asset}/current/card.jpg`) }),
    contender('written first: drizzle per call, getSignedUrl', first),
  ]
  const all = await measureRounds(contenders, { connections: CONNECTIONS, seconds, rounds: ROUNDS })
  await Promise.all([bare.stop(), usual.stop(), first.stop(), gateway.stop()])

  const [fastest = [], customary = []] = all.values()
  const perSecond = (sample: Sample): number => sample.perSecond
  const rows = [...all].map(
    ([{ name }, samples]): Row => [
      name,
      Math.round(median(samples, perSecond)),
      against(samples, fastest, perSecond),
      against(samples, customary, perSecond),
      median(samples, ({ p50Ms }) => p50Ms),
      median(samples, ({ p99Ms }) => p99Ms),
      Math.round(median(samples, ({ cpuUs }) => cpuUs)),
      Math.round(median(samples, ({ enginesUs }) => enginesUs)),
    ],
  )
  return [
    {
      title: `Warm resolve, ${CONNECTIONS} connections, ${ASSETS} assets`,
      note: `Every answer of ours stands on a read of Postgres that began after the request came; generator and Postgres share the machine. Median of ${ROUNDS} rounds, ratios within the round.`,
      columns: [
        '',
        'requests/s',
        'of `new Response`',
        'of `c.redirect`',
        'p50 ms',
        'p99 ms',
        'CPU us',
        'Postgres CPU us',
      ],
      rows,
    },
  ]
}
