/** What is promised, against what was measured: requests by this process, everything else by the log. */

import { backlogOfTenant } from '../manifest/backlog.ts'
import type { Sql } from '../manifest/database.ts'
import { completionTimes, eventLag, type Lag, unnumberedEvents } from '../manifest/service-levels.ts'
import type { RequestTimes } from '../telemetry/request-times.ts'
import { WINDOW_SECONDS } from '../telemetry/rolling.ts'
import { REQUEST_CLASSES, SERVICE_LEVELS, type ServiceClass } from '../telemetry/service-levels.ts'

export interface Level {
  readonly name: ServiceClass
  readonly about: string
  readonly scope: 'gateway' | 'tenant'
  readonly goal: number | null
  readonly count: number
  readonly p50: number | null
  readonly p95: number | null
  readonly p99: number | null
  readonly errors: number
  /** `null`: no sample, or nothing promised. */
  readonly met: boolean | null
}

const MS = 1000
const rounded = (seconds: number | undefined | null): number | null =>
  seconds === undefined || seconds === null ? null : Math.round(seconds * MS * MS) / MS / MS

const levelOf = (
  name: ServiceClass,
  scope: Level['scope'],
  { count, times, errors }: Lag & { readonly errors: number },
): Level => {
  const { about, goalSeconds: goal = null } = SERVICE_LEVELS[name]
  const [p50, p95, p99] = (times ?? [undefined, undefined, undefined]).map(rounded) as [
    number | null,
    number | null,
    number | null,
  ]
  const met = p95 === null || goal === null ? null : p95 <= goal
  return { name, about, scope, goal, count, p50, p95, p99, errors, met }
}

/** Of the requests of this process. */
export const requestLevels = (times: RequestTimes): Level[] => {
  const measured = times.levels()
  return REQUEST_CLASSES.map(name => {
    const { times: all, errors } = measured[name]
    const at = [0.5, 0.95, 0.99].map(share => all.at(share) ?? 0) as [number, number, number]
    return levelOf(name, 'gateway', { count: all.count, errors, times: all.count === 0 ? null : at })
  })
}

/** `tenant`: of the log of one; of all where there is none. */
export const loggedLevels = async (database: Sql, tenant: string | undefined): Promise<Level[]> => {
  const [completed, numbered] = await Promise.all([
    completionTimes(database, tenant, WINDOW_SECONDS),
    eventLag(database, tenant, WINDOW_SECONDS),
  ])
  return [
    levelOf('rendition', 'tenant', { ...completed, errors: 0 }),
    levelOf('event', 'tenant', { ...numbered, errors: 0 }),
  ]
}

export const readLevels = async (
  { database, metrics }: { readonly database: Sql; readonly metrics: { readonly requestTimes: RequestTimes } },
  tenant: string,
) => {
  const [logged, backlog, unnumbered] = await Promise.all([
    loggedLevels(database, tenant),
    backlogOfTenant(database, tenant),
    unnumberedEvents(database),
  ])
  return {
    levels: [...requestLevels(metrics.requestTimes), ...logged],
    givenUp: { nodes: backlog.deadNodes, deliveries: backlog.deadDeliveries, purges: backlog.deadPurges },
    waiting: { nodes: backlog.openNodes, deliveries: backlog.openDeliveries, events: unnumbered.rows },
  }
}
