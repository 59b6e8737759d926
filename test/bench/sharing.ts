/** What sharing saves: the same wishes of several products, made by the graph and made by each product for itself. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import sharp from 'sharp'
import { call, setUp, upload, type Wish } from './client.ts'
import { BLUE, drawChart, GREEN, ORANGE } from './figure.ts'
import type { Photo } from './photos.ts'
import { treeCpuMs } from './processes.ts'
import { percent, type Row, type Table } from './report.ts'
import type { Gateway, World } from './world.ts'

interface Output {
  readonly format: string
  readonly [option: string]: string | number
}

/** Which product asks for which widths; each in every format. */
interface Matrix {
  readonly name: string
  readonly products: Readonly<Record<string, readonly number[]>>
  readonly formats: readonly Output[]
  /** What they use who share nothing, where that is something else. */
  readonly siloedFormats?: readonly Output[]
}

const JPEG = { format: 'jpeg', quality: 80 }
const WEBP = { format: 'webp', quality: 80, effort: 2 }
const AVIF = { format: 'avif', quality: 50, effort: 2 }

/** 24 requests, 9 distinct. */
const SIZES = {
  shop: [160, 240, 400, 800, 1200, 1600],
  mobile: [96, 160, 320, 400, 640, 800],
  partner: [160, 400, 800, 1600],
  blog: [320, 400, 800, 1200],
  office: [96, 160, 400, 800],
}
/** 8 requests of 3 formats, 9 distinct. */
const FORMATS = { shop: [400, 800, 1600], mobile: [400, 800], partner: [800], blog: [800], office: [400] }
/** The same with sizes that cost about the same. */
const ALIKE = { shop: [760, 800, 840], mobile: [760, 800], partner: [800], blog: [800], office: [760] }
const SAME = [160, 320, 400, 800, 1200, 1600]

const MATRICES: readonly Matrix[] = [
  { name: 'R1, JPEG sizes', products: SIZES, formats: [JPEG] },
  { name: 'R1, WebP sizes, effort 4', products: SIZES, formats: [{ ...WEBP, effort: 4 }] },
  { name: 'R1, WebP sizes, effort 2', products: SIZES, formats: [WEBP] },
  {
    name: 'R3, WebP sizes: effort 2, our default, against 4, that of sharp',
    products: SIZES,
    formats: [WEBP],
    siloedFormats: [{ ...WEBP, effort: 4 }],
  },
  { name: 'R1, about 800 px in three formats', products: ALIKE, formats: [AVIF, WEBP, JPEG] },
  { name: 'R1, 400 to 1600 px in three formats', products: FORMATS, formats: [AVIF, WEBP, JPEG] },
  {
    name: 'R2, JPEG, the same six',
    products: Object.fromEntries(Object.keys(SIZES).map(product => [product, SAME])),
    formats: [JPEG],
  },
  {
    name: 'R2, WebP, the same six',
    products: Object.fromEntries(Object.keys(SIZES).map(product => [product, SAME])),
    formats: [WEBP],
  },
]

/** 4 products x 6 renditions, of which the first `common` are wanted by all and the rest differ in size. */
const overlapping = (common: number): Matrix => ({
  name: `${Math.round((100 * common) / SAME.length)} %`,
  products: Object.fromEntries(
    ['a', 'b', 'c', 'd'].map((product, index) => [
      product,
      SAME.map((width, position) => (position < common ? width : width + 8 * index)),
    ]),
  ),
  formats: [WEBP],
})

interface Cost {
  readonly cpuMs: number
  readonly bytes: number
}

const siloed = async (
  world: World,
  photos: readonly Photo[],
  { products, formats, siloedFormats = formats }: Matrix,
): Promise<Cost> => {
  const folder = await mkdtemp(join(world.folder, 'siloed-'))
  const files = photos.map((_, index) => join(folder, `${index}.jpg`))
  await Promise.all(photos.map(({ bytes }, index) => writeFile(files[index] as string, bytes)))
  const asks = Object.values(products).flatMap(widths =>
    widths.flatMap(width => siloedFormats.map(({ format, ...options }) => ({ width, format, options }))),
  )
  await writeFile(join(folder, 'work.json'), JSON.stringify({ files, asks }))
  const program = fileURLToPath(new URL('./baselines/siloed.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    'tsx',
    program,
    join(folder, 'work.json'),
  ])
  await rm(folder, { recursive: true })
  return JSON.parse(stdout) as Cost
}

interface Efficiency {
  readonly asks: number
  readonly nodes: number
  readonly bytes: { readonly originals: number; readonly derivatives: number; readonly siloed: number }
  readonly cpu_ms: { readonly spent: number; readonly siloed: number }
  readonly storage_efficiency: number
  readonly siloed_storage_efficiency: number
}

const allDone = async (gateway: Gateway): Promise<void> => {
  const database = new pg.Client(gateway.store.databaseUrl)
  await database.connect()
  const deadline = Date.now() + 600_000
  for (;;) {
    const { rows } = await database.query(
      `select count(*) filter (where state <> 'DONE')::int as open, count(*) filter (where state = 'DEAD')::int as dead from node`,
    )
    if (rows[0].dead > 0) throw new Error('A node failed')
    if (rows[0].open === 0) break
    if (Date.now() > deadline) throw new Error('The nodes were not done in time')
    await delay(50)
  }
  await database.end()
}

const WARMERS = ['#102030', '#405060', '#708090', '#a0b0c0']
const tiny = (background: string): Promise<Buffer> =>
  sharp({ create: { width: 32, height: 24, channels: 3, background } })
    .jpeg()
    .toBuffer()

const shared = async (world: World, photos: readonly Photo[], { products, formats }: Matrix) => {
  const gateway = await world.startGateway()
  const wishes = Object.entries(products).flatMap(([product, widths]) =>
    widths.map((width): Wish => ({ product, name: `w-${width}`, recipe: { resize: { width }, formats } })),
  )
  const keys = await setUp(gateway, wishes)
  const key = keys[Object.keys(products)[0] as string] ?? ''
  // Starts the decode processes, which they do once and not for each photograph: half a second of CPU each.
  await Promise.all(WARMERS.map(async colour => upload(gateway, key, await tiny(colour))))
  await allDone(gateway)
  const efficiency = async () => (await (await call(gateway, 'GET', '/v1/report/efficiency')).json()) as Efficiency
  const [before, warmed] = [treeCpuMs(gateway.pid), await efficiency()]
  for (const { bytes } of photos) await upload(gateway, key, bytes)
  await allDone(gateway)
  const everythingMs = treeCpuMs(gateway.pid) - before
  const all = await efficiency()
  await gateway.stop()
  const report: Efficiency = {
    ...all,
    asks: all.asks - warmed.asks,
    nodes: all.nodes - warmed.nodes,
    cpu_ms: { spent: all.cpu_ms.spent - warmed.cpu_ms.spent, siloed: all.cpu_ms.siloed - warmed.cpu_ms.siloed },
  }
  return { everythingMs, report }
}

const measure = async (world: World, photos: readonly Photo[], matrix: Matrix) => {
  const alone = await siloed(world, photos, matrix)
  const { everythingMs, report } = await shared(world, photos, matrix)
  const originals = photos.reduce((sum, { bytes }) => sum + bytes.length, 0)
  const copies = originals * Object.keys(matrix.products).length + alone.bytes
  return { alone, everythingMs, report, copies }
}

export const sharing = async (world: World, photos: readonly Photo[]): Promise<readonly Table[]> => {
  const rows: Row[] = []
  for (const matrix of MATRICES) {
    const { alone, everythingMs, report, copies } = await measure(world, photos, matrix)
    rows.push([
      matrix.name,
      `${report.asks / photos.length} / ${report.nodes / photos.length}`,
      Math.round(alone.cpuMs),
      percent(report.cpu_ms.spent, alone.cpuMs),
      percent(everythingMs, alone.cpuMs),
      percent(report.bytes.originals + report.bytes.derivatives, copies),
      `${(100 * report.storage_efficiency).toFixed(1)} %`,
      `${(100 * report.siloed_storage_efficiency).toFixed(1)} %`,
      percent(report.cpu_ms.spent, report.cpu_ms.siloed),
    ])
  }
  return [
    {
      title: `Sharing, ${photos.length} photos`,
      note: 'Against an independent sharp pipeline for each request (one thread, sRGB conversion as sharp does it). Image CPU: the decode processes; all CPU: gateway, workers and decode processes from the first byte of the uploads to the last derivative. The last column is what the API reports of itself, against its own chains run alone.',
      columns: [
        'matrix',
        'requests / distinct',
        'siloed CPU ms',
        'image CPU',
        'all CPU',
        'bytes',
        'storage efficiency',
        'siloed',
        'reported compute',
      ],
      rows,
    },
  ]
}

const FIGURE = new URL('../../docs/figures/sharing.svg', import.meta.url)

/** The curve of both against overlap, as a table and as the figure of the README. */
export const overlap = async (world: World, photos: readonly Photo[]): Promise<readonly Table[]> => {
  const few = photos.slice(0, 3)
  const measured = []
  for (let common = 0; common <= SAME.length; common++) {
    const matrix = overlapping(common)
    measured.push({ ...(await measure(world, few, matrix)), name: matrix.name, at: (100 * common) / SAME.length })
  }
  const shares = measured.map(({ name, at, alone, everythingMs, report, copies }) => ({
    name,
    at: Math.round(at),
    image: (100 * report.cpu_ms.spent) / alone.cpuMs,
    all: (100 * everythingMs) / alone.cpuMs,
    bytes: (100 * (report.bytes.originals + report.bytes.derivatives)) / copies,
  }))
  const points = (pick: (share: (typeof shares)[number]) => number) =>
    shares.map(share => [share.at, Math.round(10 * pick(share)) / 10] as const)
  const svg = drawChart({
    title: 'What sharing costs against siloed pipelines',
    yLabel: 'of the siloed CPU and bytes of the same run (dashed: 100 %)',
    xLabel: 'overlap: renditions that all four products want alike',
    note: `4 products x 6 WebP renditions, ${few.length} photographs; siloed: a sharp pipeline and a copy of the original for each product.`,
    series: [
      { name: 'all CPU', color: ORANGE, mark: 'square', points: points(({ all }) => all) },
      { name: 'image CPU', color: BLUE, mark: 'circle', points: points(({ image }) => image) },
      { name: 'bytes', color: GREEN, mark: 'diamond', points: points(({ bytes }) => bytes) },
    ],
  })
  await mkdir(new URL('.', FIGURE), { recursive: true })
  await writeFile(FIGURE, svg)
  return [
    {
      title: 'Sharing against overlap, 4 products x 6 WebP renditions',
      note: `Overlap: how many of the six renditions all four products want alike. ${few.length} photos; baselines as above: an independent sharp pipeline for each request, a copy of the original for each product. CPU time, not wall.`,
      columns: ['overlap', 'image CPU', 'all CPU', 'bytes'],
      rows: shares.map(({ name, image, all, bytes }) => [
        name,
        ...[image, all, bytes].map(share => percent(share, 100)),
      ]),
    },
  ]
}
