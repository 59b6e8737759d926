/**
 * Runs of deliveries: what is due of an asset, and behind it what waits of the same. A run is told by one process, one after the other,
 * and written down at once: those that were taken are DONE from wherever they were, and the first that is left takes their place.
 */
import { type LoggedEvent, type ToldEvent, toldIn } from '../model/event.ts'
import type { EventName } from '../model/event-catalogue.ts'
import { EVENT_NAMES, readName } from '../model/event-majors.ts'
import type { Attempt, FailureClass } from '../model/subscription.ts'
import type { Sql } from './database.ts'
import { advance, type Queue } from './deliveries.ts'
import { loggedColumns } from './events.ts'

const DUE = {
  name: 'delivery_due',
  text: `with head as (select v.delivery_id, v.delivery_no, v.asset_id, v.not_before from delivery v
           where v.tenant_id = $1 and v.subscription_id = $2 and v.state = 'PENDING' and v.not_before <= now() and v.asset_id <> all($3::uuid[])
             and v.type = any($6::text[])
           order by v.not_before, v.delivery_no limit $4)
         select h.asset_id as key, v.delivery_id as delivery, v.tries, v.failures, v.replay_id as replay, v.type as name, ${loggedColumns('e')}
         from head h cross join lateral (
           (select p.* from delivery p where p.tenant_id = $1 and p.delivery_id = h.delivery_id)
           union all (select w.* from delivery w where w.tenant_id = $1 and w.subscription_id = $2 and w.asset_id = h.asset_id and w.state = 'WAITING'
             order by w.delivery_no limit $5 - 1)) v
         join event e on e.event_id = v.event_id and e.tenant_id = v.tenant_id
         order by h.not_before, h.delivery_no, v.state, v.delivery_no`,
}

export interface DueDelivery {
  readonly delivery: string
  /** Never the same number twice. */
  readonly tries: number
  readonly failures: number
  readonly isReplayed: boolean
  /** In the major that was asked for when it was put into the queue. */
  readonly event: ToldEvent
}

type DueRow = LoggedEvent &
  Pick<DueDelivery, 'delivery' | 'tries' | 'failures'> & {
    readonly key: string
    readonly replay: string | null
    readonly name: EventName
  }

/**
 * The most overdue, by their assets, without those of which something is just being told; each with what comes behind it. What only a
 * newer release knows is left to that, with what is behind it.
 */
export const dueRuns = async (
  sql: Sql,
  { tenant, id }: Queue,
  { without, runs, length }: { without: readonly string[]; runs: number; length: number },
): Promise<Map<string, DueDelivery[]>> => {
  const found = new Map<string, DueDelivery[]>()
  const unknown = new Set<string>()
  for (const row of await sql.rows<DueRow>(DUE, [tenant, id, without, runs, length, EVENT_NAMES])) {
    const { key, delivery, tries, failures, replay, name, ...logged } = row
    if (!EVENT_NAMES.includes(name)) unknown.add(key)
    if (unknown.has(key)) continue
    const event = toldIn(readName(name).major, logged)
    const run = found.get(key) ?? []
    run.push({ delivery, tries, failures, event, isReplayed: replay !== null })
    found.set(key, run)
  }
  return found
}

/** Of the newest tries so many are kept. */
const ATTEMPTS_KEPT = 20
const withAttempt = (attempt: string): string =>
  `(case when jsonb_array_length(d.attempts) >= ${ATTEMPTS_KEPT} then d.attempts - 0 else d.attempts end) || ${attempt}`

const TAKEN = {
  name: 'delivery_taken',
  text: `update delivery d set state = 'DONE', class = null, tries = d.tries + 1, not_before = now(), finished_at = now(), attempts = ${withAttempt('t.attempt')}
         from unnest($2::uuid[], $3::int[], $4::jsonb[]) as t (id, tries, attempt)
         where d.tenant_id = $1 and d.delivery_id = t.id and d.state in ('PENDING', 'WAITING') and d.tries = t.tries
         returning d.delivery_id as delivery, d.asset_id as asset`,
}

interface Ended {
  readonly delivery: string
  readonly asset: string
}

export type Tried = Pick<DueDelivery, 'delivery' | 'tries'> & { readonly attempt: Attempt }

/** Those of them that nobody else has told meanwhile. */
export const settleTaken = async (tx: Sql, queue: Queue, taken: readonly Tried[]): Promise<ReadonlySet<string>> => {
  const ended = await tx.rows<Ended>(TAKEN, [
    queue.tenant,
    taken.map(({ delivery }) => delivery),
    taken.map(({ tries }) => tries),
    taken.map(({ attempt }) => JSON.stringify(attempt)),
  ])
  if (ended.length > 0) await advance(tx, queue, [...new Set(ended.map(({ asset }) => asset))])
  return new Set(ended.map(({ delivery }) => delivery))
}

const REFUSED = {
  name: 'delivery_refused',
  text: `update delivery d set state = $4, failures = $5, class = $6, tries = d.tries + 1, not_before = now() + make_interval(secs => $7),
           attempts = ${withAttempt('$8::jsonb')}, finished_at = case when $4 <> 'PENDING' then now() end
         where d.tenant_id = $1 and d.delivery_id = $2 and d.state = 'PENDING' and d.tries = $3 returning d.delivery_id as delivery, d.asset_id as asset`,
}

export interface Refused extends Tried {
  readonly state: 'PENDING' | 'DEAD'
  readonly failures: number
  readonly class: FailureClass
  readonly afterMs: number
}

/** False: somebody else has told it meanwhile. */
export const settleRefused = async (
  tx: Sql,
  queue: Queue,
  { delivery, tries, state, failures, class: kind, afterMs, attempt }: Refused,
): Promise<boolean> => {
  const values = [state, failures, kind, afterMs / 1000, JSON.stringify(attempt)]
  const [settled] = await tx.rows<Ended>(REFUSED, [queue.tenant, delivery, tries, ...values])
  if (settled !== undefined && state !== 'PENDING') await advance(tx, queue, [settled.asset])
  return settled !== undefined
}

const HASTEN = {
  name: 'delivery_hasten',
  text: `update delivery d set not_before = now()
         from (select delivery_id from delivery where tenant_id = $1 and subscription_id = $2 and state = 'PENDING' and not_before > now()
                 and ($3::int is null or failures < $3) order by not_before limit 10000) late
         where d.tenant_id = $1 and d.delivery_id = late.delivery_id`,
}

/** What waits for its next try, and has failed less often than this where it is said, is due. Of very many those that would be first; the others are when they were to be. */
export const hastenDeliveries = async (tx: Sql, { tenant, id }: Queue, below?: number): Promise<void> => {
  await tx.rows(HASTEN, [tenant, id, below ?? null])
}

const WITHHOLD = {
  name: 'delivery_withhold',
  text: `delete from delivery where tenant_id = $1 and delivery_id = any($2::uuid[]) and state in ('PENDING', 'WAITING') returning asset_id as asset`,
}

/** It may not hear of these any more: as if they had never been for it. */
export const withholdDeliveries = async (tx: Sql, queue: Queue, deliveries: readonly string[]): Promise<void> => {
  const gone = await tx.rows<Pick<Ended, 'asset'>>(WITHHOLD, [queue.tenant, deliveries])
  if (gone.length > 0) await advance(tx, queue, [...new Set(gone.map(({ asset }) => asset))])
}
