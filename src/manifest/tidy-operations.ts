/**
 * Imports and backfills that are over are forgotten after a while, each with all of its steps in one transaction: one that is there
 * can be told whole and undone whole. Whoever undoes one meanwhile has its row locked, or finds it gone.
 */
import type { Database, Sql } from './database.ts'

interface Ended {
  readonly tenant: string
  readonly id: string
}

const kindOf = (table: 'saga' | 'operation') => ({
  ended: {
    name: `${table}_ended`,
    text: `select tenant_id as tenant, ${table}_id as id from ${table}
           where finished_at < now() - make_interval(days => $1) and tenant_id is not null order by finished_at limit 1
           for update skip locked`,
  },
  steps: {
    name: `${table}_forget_steps`,
    text: `delete from ${table}_step where tenant_id = $1 and ${table}_id = $2 and step_no = any (array(
             select step_no from ${table}_step where tenant_id = $1 and ${table}_id = $2 order by step_no limit $3)) returning 1`,
  },
  itself: { name: `${table}_forget`, text: `delete from ${table} where tenant_id = $1 and ${table}_id = $2` },
})
const KINDS = [kindOf('saga'), kindOf('operation')] as const

/** Of a statement: some 50 ms. */
const STEPS_AT_ONCE = 5_000
/** Of a kind in a round: what a day brings is gone in minutes, and no round takes long. */
const MOST = 20

const forgetOne = (database: Database, { ended, steps, itself }: (typeof KINDS)[number], days: number) =>
  database.transaction(async (tx: Sql): Promise<boolean> => {
    const [found] = await tx.rows<Ended>(ended, [days])
    if (!found) return false
    const named = [found.tenant, found.id]
    while ((await tx.rows(steps, [...named, STEPS_AT_ONCE])).length === STEPS_AT_ONCE);
    await tx.rows(itself, named)
    return true
  })

/** Those that were over for longer than this, some at a time; the next round goes on. */
export const tidyOperations = async (database: Database, keepDays: number): Promise<void> => {
  for (const kind of KINDS) for (let n = 0; n < MOST && (await forgetOne(database, kind, keepDays)); n++);
}
