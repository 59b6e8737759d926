/**
 * How long requests took: counted here, and made into what Prometheus and `/v1/sla` read when they ask.
 *
 * Measured: 0.5 us a request for three metrics and a window, where one histogram of prom-client took 1.0.
 */
import type { Metric, Registry } from 'prom-client'
import { openRolling, type Percentiles } from './rolling.ts'
import { REQUEST_CLASSES, type RequestClass, requestClass } from './service-levels.ts'

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60]
/** What comes after these many is counted together: metrics do not grow with what callers make up. */
const MOST_PRODUCTS = 200
const MOST_CELLS = 10_000
const OTHER = 'other'

export interface TimedRequest {
  readonly route: string
  readonly method: string
  readonly status: number
  /** Proven; `undefined`: nobody's. */
  readonly product: string | undefined
  /** The caller has said that it may take longer: of no class. */
  readonly waits?: boolean
}

interface Cell {
  readonly labels: {
    readonly route: string
    readonly method: string
    readonly status: number
    readonly product: string
  }
  /** Of those who do not wait. */
  readonly class: RequestClass | undefined
  /** One more than buckets: what took longer than all of them. */
  readonly counts: Float64Array
  sum: number
}

interface Value {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  readonly metricName?: string
}

export interface RequestTimes {
  observe(request: TimedRequest, ms: number): void
  /** Of the last minutes, by class: what was answered, and how many were not, for a fault of ours. */
  levels(): Readonly<Record<RequestClass, { readonly times: Percentiles; readonly errors: number }>>
}

const totalOf = ({ counts }: Cell): number => counts.reduce((sum, each) => sum + each, 0)

const histogramOf = (name: string, cells: readonly Cell[]): Value[] =>
  cells.flatMap(cell => {
    let below = 0
    const { labels, counts, sum } = cell
    const bars = BUCKETS.map((le, place) => {
      below += counts[place] ?? 0
      return { labels: { ...labels, le }, value: below, metricName: `${name}_bucket` }
    })
    const total = totalOf(cell)
    return [
      ...bars,
      { labels: { ...labels, le: '+Inf' }, value: total, metricName: `${name}_bucket` },
      { labels, value: sum, metricName: `${name}_sum` },
      { labels, value: total, metricName: `${name}_count` },
    ]
  })

const countOf = (cells: readonly Cell[]): Value[] => cells.map(cell => ({ labels: cell.labels, value: totalOf(cell) }))

export const openRequestTimes = (registry: Registry, now: () => number = Date.now): RequestTimes => {
  const cells = new Map<string, Cell>()
  const products = new Set<string>()
  const rolling = Object.fromEntries(
    REQUEST_CLASSES.map(name => [name, { times: openRolling(), errors: openRolling() }]),
  ) as Record<RequestClass, Record<'times' | 'errors', ReturnType<typeof openRolling>>>

  const labelOf = (product: string): string => {
    if (products.has(product)) return product
    if (products.size >= MOST_PRODUCTS) return OTHER
    products.add(product)
    return product
  }

  const cellOf = ({ route, method, status, product = '' }: TimedRequest): Cell => {
    const key = `${method} ${status} ${product} ${route}`
    const known = cells.get(key)
    if (known !== undefined) return known
    const isFull = cells.size >= MOST_CELLS
    const labels = isFull
      ? { route: OTHER, method, status, product: '' }
      : { route, method, status, product: labelOf(product) }
    const place = `${labels.method} ${labels.status} ${labels.product} ${labels.route}`
    const cell = cells.get(place) ?? {
      labels,
      class: requestClass({ method, route }),
      counts: new Float64Array(BUCKETS.length + 1),
      sum: 0,
    }
    cells.set(place, cell)
    return cell
  }

  /** Prom-client prints whatever has a name, a type and values. */
  const register = (name: string, help: string, type: string, values: () => Value[]): void =>
    registry.registerMetric({
      name,
      help,
      type,
      labelNames: ['route', 'method', 'status', 'product'],
      aggregator: 'sum',
      get: async () => ({ name, help, type, values: values(), aggregator: 'sum' }),
      reset: () => undefined,
    } as unknown as Metric)

  const all = (): Cell[] => [...cells.values()]
  const time = 'integration_request_duration_seconds'
  register(time, 'Time from the head of a request to the end of its handler.', 'histogram', () =>
    histogramOf(time, all()),
  )
  register('integration_request_total', 'Requests that were answered.', 'counter', () => countOf(all()))
  register(
    'integration_errors_total',
    'Requests that failed for a fault of ours (status 500 and above); what is refused is answered.',
    'counter',
    () => countOf(all().filter(({ labels }) => labels.status >= 500)),
  )

  return {
    observe(request, ms) {
      const cell = cellOf(request)
      const seconds = ms / 1000
      let place = 0
      while (place < BUCKETS.length && seconds > (BUCKETS[place] as number)) place++
      cell.counts[place] = (cell.counts[place] as number) + 1
      cell.sum += seconds
      if (cell.class === undefined || request.waits) return
      const { times, errors } = rolling[cell.class]
      if (request.status >= 500) errors.add(ms, now())
      else if (request.status < 400) times.add(ms, now())
    },
    levels: () =>
      Object.fromEntries(
        REQUEST_CLASSES.map(name => {
          const { times, errors } = rolling[name]
          return [name, { times: times.read(now()), errors: errors.read(now()).count }]
        }),
      ) as ReturnType<RequestTimes['levels']>,
  }
}
