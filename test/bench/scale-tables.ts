/** What the rounds of the benchmark of scale amount to: tables, and the figure of growth. */
import { mkdir, writeFile } from 'node:fs/promises'
import { BLUE, drawChart, GREEN, ORANGE } from './figure.ts'
import { quantile, type Row, ratio, type Table } from './report.ts'
import type { Published, Sample } from './scale-measures.ts'
import type { TableSize } from './scale-world.ts'

export interface Round {
  readonly hot: Sample
  readonly any: Sample
  readonly published: Published
  readonly uploaded: Sample
  readonly listed: Sample
}

export interface Idle {
  readonly gatewayMs: number
  readonly postgresMs: number
}

export interface AtSize {
  readonly assets: number
  readonly filledPerSecond: number
  readonly tables: readonly TableSize[]
  readonly idle: Idle
  readonly rounds: readonly Round[]
}

const FIGURE = new URL('../../docs/figures/scale.svg', import.meta.url)

export const count = (value: number): string => Math.round(value).toLocaleString('en')
export const median = (values: readonly number[]): number => quantile(values, 0.5)

const MEASURED = [
  ['resolve, hot', 'hot'],
  ['resolve, any', 'any'],
  ['publish', 'published'],
  ['upload, small', 'uploaded'],
  ['list 50', 'listed'],
] as const
type Measure = (typeof MEASURED)[number][1]

export const cpuOf = ({ gatewayUs, postgresUs }: Sample): number => gatewayUs + postgresUs

/** Of the smallest size in the same round, the median of them. */
const grown = (size: AtSize, first: AtSize, key: Measure, pick: (sample: Sample) => number): number =>
  median(size.rounds.map((round, at) => pick(round[key]) / pick((first.rounds[at] ?? round)[key])))

export const growth = (sizes: readonly AtSize[]): Table => {
  const rows = MEASURED.flatMap(([name, key]) =>
    sizes.map((size): Row => {
      const of = (pick: (sample: Sample) => number): number => median(size.rounds.map(round => pick(round[key])))
      const to = (pick: (sample: Sample) => number): string => grown(size, sizes[0] ?? size, key, pick).toFixed(2)
      return [
        name,
        count(size.assets),
        count(of(({ perSecond }) => perSecond)),
        of(({ p50Ms }) => p50Ms).toFixed(1),
        of(({ p99Ms }) => p99Ms).toFixed(1),
        count(of(({ gatewayUs }) => gatewayUs)),
        count(of(({ postgresUs }) => postgresUs)),
        to(cpuOf),
        to(({ p50Ms }) => p50Ms),
        to(({ p99Ms }) => p99Ms),
      ]
    }),
  )
  const seenOf = ({ rounds }: AtSize, q: number): number =>
    quantile(
      rounds.flatMap(({ published }) => published.seen),
      q,
    )
  const seen = sizes.map((size): Row => {
    const [p50, p99] = [seenOf(size, 0.5), seenOf(size, 0.99)]
    const first = sizes[0] ?? size
    return [
      'published to seen elsewhere',
      count(size.assets),
      '-',
      p50.toFixed(1),
      p99.toFixed(1),
      '-',
      '-',
      '-',
      ratio(p50, seenOf(first, 0.5)),
      ratio(p99, seenOf(first, 0.99)),
    ]
  })
  const stale = sizes.reduce(
    (sum, { rounds }) => sum + rounds.reduce((more, { published }) => more + published.stale, 0),
    0,
  )
  return {
    title: 'Scale: what a request costs as the manifest grows',
    note: `Three products, three leaves and two derivatives an asset. Hot: 1,000 assets, 64 connections. Any: uniformly at random over all, read whole (a million questions at each size, of which a gateway keeps 20,000). Publish, upload and list: four at once, with the client of this process. Median of ${sizes[0]?.rounds.length} rounds in which each size has its turn; ratios against the smallest within the round. CPU is the one to trust: latency is that of a machine that others use. Stale answers after a publish: ${stale}.`,
    columns: ['', 'assets', 'a second', 'p50 ms', 'p99 ms', 'gateway CPU us', 'Postgres CPU us', 'CPU', 'p50', 'p99'],
    rows: [...rows, ...seen],
  }
}

export const sizesOf = (sizes: readonly AtSize[]): Table => ({
  title: 'Scale: bytes of manifest',
  note: 'Filled in the order of time with all indexes there; bytes an asset, with what belongs to it in all tables. Idle: a whole process (gateway, worker, sweep) of which nobody asks anything.',
  columns: [
    'assets',
    'GB',
    'bytes an asset',
    'of it indexes',
    'filled, assets a second',
    'idle: Postgres CPU ms a minute',
    'process CPU ms a minute',
  ],
  rows: sizes.map(({ assets, tables, filledPerSecond, idle }) => {
    const indexes = tables.reduce((sum, each) => sum + each.indexes, 0)
    const all = tables.reduce((sum, each) => sum + each.heap, indexes)
    return [
      count(assets),
      (all / 1e9).toFixed(2),
      count(all / assets),
      count(indexes / assets),
      count(filledPerSecond),
      count(idle.postgresMs),
      count(idle.gatewayMs),
    ]
  }),
})

export const tablesOf = ({ assets, tables }: AtSize): Table => ({
  title: `Scale: tables at ${count(assets)} assets`,
  note: 'The largest ones; bytes an asset.',
  columns: ['', 'rows', 'table', 'indexes'],
  rows: tables
    .filter(({ rows }) => rows >= assets)
    .map(({ name, rows, heap, indexes }) => [name, count(rows), count(heap / assets), count(indexes / assets)]),
})

export const draw = async (sizes: readonly AtSize[]): Promise<void> => {
  const [first] = sizes
  if (first === undefined || sizes.length < 2) return
  const xOf = (index: number): number => (100 * index) / (sizes.length - 1)
  const points = (key: Measure) =>
    sizes.map((size, index) => [xOf(index), Math.round(100 * grown(size, first, key, cpuOf))] as const)
  const svg = drawChart({
    title: 'CPU of a request as the manifest grows',
    yLabel: `of the same at ${count(first.assets)} assets (dashed: 100 %); gateway and Postgres`,
    xLabel: 'assets, of three products each',
    note: 'Resolve: any asset, read whole. Goal: at most 150 %.',
    xTicks: sizes.map(({ assets }, index) => [xOf(index), count(assets)] as const),
    series: [
      { name: 'resolve', color: BLUE, mark: 'circle', points: points('any') },
      { name: 'publish', color: ORANGE, mark: 'square', points: points('published') },
      { name: 'upload', color: GREEN, mark: 'diamond', points: points('uploaded') },
    ],
  })
  await mkdir(new URL('.', FIGURE), { recursive: true })
  await writeFile(FIGURE, svg)
}
