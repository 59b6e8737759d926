/**
 * The log. A fact is inserted in the transaction that makes it true, with its place in the asset's own order, which the row
 * lock on the asset gives. Its global number comes later, from one sequencer: numbers taken by writers are not commit order,
 * and readers that poll them lose events.
 */

import type { Cause, Fact } from '../model/event.ts'
import { newId } from '../model/ids.ts'
import type { Database, Sql } from './database.ts'

const TAKE_NUMBERS = {
  name: 'event_take_numbers',
  text: `update asset set next_event_no = next_event_no + $3, updated_at = now()
         where tenant_id = $1 and asset_id = $2 returning next_event_no - $3 as first`,
}

const APPEND = {
  name: 'event_append',
  text: `insert into event (event_id, tenant_id, type, asset_id, asset_event_no, data, actor, correlation_id)
         select e.id, $1, e.type, $2, $3 + e.ord - 1, e.data, $4, $5
         from unnest($6::uuid[], $7::text[], $8::jsonb[]) with ordinality as e (id, type, data, ord)`,
}

/** Appends facts about one asset, in order. Takes the asset's row lock. Returns the last event number of the asset. */
export const appendFacts = async (
  tx: Sql,
  { tenant, asset, cause, facts }: { tenant: string; asset: string; cause: Cause; facts: readonly Fact[] },
): Promise<number | undefined> => {
  if (facts.length === 0) return undefined
  const [taken] = await tx.rows<{ first: number }>(TAKE_NUMBERS, [tenant, asset, facts.length])
  if (!taken) throw new Error(`There is no asset ${asset} to append facts to`)
  await tx.rows(APPEND, [
    tenant,
    asset,
    taken.first,
    cause.actor,
    cause.correlationId,
    facts.map(() => newId()),
    facts.map(fact => fact.type),
    facts.map(fact => JSON.stringify(fact.data)),
  ])
  return taken.first + facts.length - 1
}

/** A statement of its own: the snapshot of the one that numbers has to be younger than the lock. */
const TAKE_TURN = { name: 'event_take_turn', text: 'select pg_try_advisory_xact_lock(7205814) as mine' }

const SEQUENCE = {
  name: 'event_sequence',
  text: `with due as (select event_id, row_number() over (order by insert_no) as place
                 from event where seq is null order by insert_no limit 1000),
         head as (update event_head set seq = seq + (select count(*) from due) where exists (select 1 from due) returning seq),
         numbered as (update event e set seq = head.seq - (select count(*) from due) + due.place, sequenced_at = now()
                      from due, head where e.event_id = due.event_id returning 1)
         select count(*)::int as numbered from numbered`,
}

/** Numbers committed events without gaps. Any process may call it at any time; one at a time succeeds, the others do nothing. */
export const sequenceEvents = async (database: Database): Promise<number> => {
  for (let total = 0; ; ) {
    const numbered = await database.transaction(async tx => {
      const [turn] = await tx.rows<{ mine: boolean }>(TAKE_TURN, [])
      if (!turn?.mine) return 0
      const [row] = await tx.rows<{ numbered: number }>(SEQUENCE, [])
      return row?.numbered ?? 0
    })
    total += numbered
    if (numbered < 1000) return total
  }
}
