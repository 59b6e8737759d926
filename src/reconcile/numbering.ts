/** A round of the sequencer, timed, and in the traces of those whose facts it numbered. */
import type { Database } from '../manifest/database.ts'
import { originsOfNewest } from '../manifest/event-log.ts'
import { openSequencer } from '../manifest/events.ts'
import type { Nearby } from '../queue/nearby.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { publishSpan } from '../telemetry/span-names.ts'
import type { Tracing } from '../telemetry/tracing.ts'

export interface NumberingOptions {
  readonly database: Database
  readonly nearby: Pick<Nearby, 'numbered'>
  readonly metrics?: Pick<Metrics, 'eventSeconds'>
  readonly tracing?: Tracing | undefined
}

export const openNumbering = ({ database, nearby, metrics, tracing }: NumberingOptions) => {
  const sequencer = openSequencer(database)

  const told = (count: number): number => {
    if (count > 0) nearby.numbered.publish(count)
    return count
  }

  /** Only where there was something: a round that finds nothing, ten a second, leaves nothing. */
  const next = async (): Promise<void> => {
    const begun = performance.now()
    const startTime = Date.now()
    const count = told(await sequencer.next())
    if (count === 0) return
    metrics?.eventSeconds.observe({ stage: 'number' }, (performance.now() - begun) / 1000)
    if (tracing === undefined) return
    const origins = await originsOfNewest(database, count)
    await tracing.after(origins, { ...publishSpan('events', { count }), startTime }, async () => undefined)
  }
  return { next, all: async () => told(await sequencer.all()) }
}
