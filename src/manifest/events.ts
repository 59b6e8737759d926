/**
 * The log. A fact is inserted in the transaction that makes it true, with its place in the asset's own order, which the row
 * lock on the asset gives. Its global number comes later, from one sequencer: numbers taken by writers are not commit order,
 * and readers that poll them lose events.
 */
import { type Appended, type Cause, checkedData, type Notice } from '../model/event.ts'
import { newId } from '../model/ids.ts'
import type { Database, Sql } from './database.ts'

const TAKE_NUMBERS = {
  name: 'event_take_numbers',
  text: `update asset set next_event_no = next_event_no + $3, updated_at = now()
         where tenant_id = $1 and asset_id = $2 returning next_event_no - $3 as first`,
}

const APPEND = {
  name: 'event_append',
  text: `insert into event (event_id, tenant_id, type, asset_id, asset_event_no, data, major, newest, actor, actor_product, correlation_id, traceparent, causation_id)
         select e.id, $1, e.type, $2, $3 + e.ord - 1, e.data, e.major, e.newest, $4, $5, $6, $7, e.causation
         from unnest($8::uuid[], $9::text[], $10::jsonb[], $11::uuid[], $12::smallint[], $13::jsonb[])
           with ordinality as e (id, type, data, causation, major, newest, ord)`,
}

export interface Told {
  /** The last event number of the asset. */
  readonly no: number
  /** The last event. */
  readonly id: string
}

/** Appends facts about one asset, in order. Takes the asset's row lock. Throws where one is not what the catalogue says. */
export const appendFacts = async (
  tx: Sql,
  { tenant, asset, cause, facts }: { tenant: string; asset: string; cause: Cause; facts: readonly Appended[] },
): Promise<Told | undefined> => {
  if (facts.length === 0) return undefined
  const [taken] = await tx.rows<{ first: number }>(TAKE_NUMBERS, [tenant, asset, facts.length])
  if (!taken) throw new Error(`There is no asset ${asset} to append facts to`)
  const { actor, product = null, correlationId, traceparent = null, causationId = null } = cause
  const ids = facts.map(fact => fact.id ?? newId())
  const written = facts.map(checkedData)
  await tx.rows(APPEND, [
    tenant,
    asset,
    taken.first,
    ...[actor, product, correlationId, traceparent],
    ids,
    facts.map(fact => fact.type),
    written.map(({ data }) => JSON.stringify(data)),
    facts.map((fact, place) => (fact.follows ? (ids[place - 1] ?? causationId) : causationId)),
    written.map(({ major }) => major),
    written.map(({ newest }) => newest && JSON.stringify(newest)),
  ])
  return { no: taken.first + facts.length - 1, id: ids.at(-1) as string }
}

const APPEND_NOTICE = {
  name: 'event_append_notice',
  text: `insert into event (event_id, tenant_id, type, subject, data, major, newest, actor, actor_product, correlation_id, traceparent, causation_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
}

/**
 * Appends a fact that is no asset's. Those of one subject are in the order in which its row is locked, which is for the caller to do.
 * Returns the id of the event.
 */
export const appendNotice = async (
  tx: Sql,
  { tenant, subject, cause, notice }: { tenant: string; subject: string; cause: Cause; notice: Notice },
): Promise<string> => {
  const { actor, product = null, correlationId, traceparent = null, causationId = null } = cause
  const id = newId()
  const { data, major, newest } = checkedData(notice)
  const what = [id, tenant, notice.type, subject, JSON.stringify(data), major, newest && JSON.stringify(newest)]
  await tx.rows(APPEND_NOTICE, [...what, actor, product, correlationId, traceparent, causationId])
  return id
}

/** An event as it is read, of the table that goes by this name in the statement. */
export const loggedColumns = (
  event: string,
): string => `${event}.seq, ${event}.event_id as id, ${event}.tenant_id as tenant, ${event}.type, ${event}.asset_id as asset,
  ${event}.asset_event_no as "assetEventNo", ${event}.subject, ${event}.data, ${event}.major as "newestMajor", ${event}.newest, ${event}.actor, ${event}.actor_product as "actorProduct",
  ${event}.correlation_id as "correlationId", ${event}.causation_id as "causationId", ${event}.traceparent,
  ${event}.occurred_at as "occurredAt", ${event}.sequenced_at as "sequencedAt"`

/**
 * Statements of their own: the snapshot of the one that numbers has to be younger than the lock, and than the look at the sequence. A
 * bitmap is no way to what has no number yet: it visits every row that has got one since the last vacuum, each time (100,000 of them:
 * 3,100 blocks, 10 ms).
 */
const TAKE_TURN = {
  name: 'event_take_turn',
  text: `select pg_try_advisory_xact_lock(7205814) as mine, set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'off', true),
           (select case when is_called then last_value else 0 end from event_insert_no_seq) as last`,
}

const BATCH = 1_000

const SEQUENCE = {
  name: 'event_sequence',
  text: `with due as (select event_id, insert_no, row_number() over (order by insert_no) as place
                 from event where seq is null and insert_no > $1 order by insert_no limit ${BATCH}),
         head as (update event_head set seq = seq + (select count(*) from due) where exists (select 1 from due) returning seq),
         numbered as (update event e set seq = head.seq - (select count(*) from due) + due.place, sequenced_at = now()
                      from due, head where e.event_id = due.event_id returning 1)
         select (select count(*)::int from numbered) as numbered, (select max(insert_no) from due) as until, pg_snapshot_xmin(snapshot)::text::bigint as oldest, pg_snapshot_xmax(snapshot)::text::bigint as next
         from pg_current_snapshot() as snapshot`,
}

interface Look {
  readonly numbered: number
  /** The last of them. */
  readonly until: number
  /** Whoever had begun to append by then has appended no later event than this. */
  readonly last: number
  /** The oldest transaction that had not ended by then, and the first that had not begun. */
  readonly oldest: number
  readonly next: number
}

const look = (database: Database, after: number): Promise<Look | undefined> =>
  database.transaction(async tx => {
    const [turn] = await tx.rows<{ mine: boolean; last: number }>(TAKE_TURN, [])
    if (!turn?.mine) return undefined
    const [looked] = await tx.rows<Omit<Look, 'last'>>(SEQUENCE, [after])
    return looked && { ...looked, last: turn.last }
  })

/**
 * Numbers committed events without gaps. Any process may call it at any time; one at a time succeeds, the others do nothing.
 *
 * `next` looks behind what is settled: all who had begun to append up to there have ended, and what they left has its number. It is
 * never settled by time, nor by what has been numbered: an event that waits for its asset's lock is appended behind others, commits
 * after the one it waited for, and must not have its number before that. Who appends has written by then, and so is among the
 * transactions of a snapshot. What has got its number lies dead in the index of those that wait until it is vacuumed, a share of all
 * events: with 100,000 of them a round that finds nothing takes 17 ms from the beginning and 1 ms from what is settled, ten times a second.
 */
export const openSequencer = (database: Database) => {
  let settled = 0
  let seen: Look | undefined

  const settle = (looked: Look): void => {
    if (seen !== undefined && looked.oldest >= seen.next)
      settled = looked.numbered < BATCH ? seen.last : Math.min(seen.last, looked.until)
    if (seen === undefined || settled === seen.last) seen = looked
  }
  const from = async (start: number): Promise<number> => {
    for (let total = 0, after = start; ; after = settled) {
      const looked = await look(database, after)
      if (looked === undefined) return total
      total += looked.numbered
      settle(looked)
      if (looked.numbered < BATCH) return total
    }
  }
  /** `all`: from the beginning, for who goes on with a log that was put back to an earlier state. */
  return { next: () => from(settled), all: () => from(0) }
}

/** From the beginning, once. */
export const sequenceEvents = (database: Database): Promise<number> => openSequencer(database).all()
