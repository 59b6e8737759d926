/**
 * The outbox of purges. Rows come from triggers (migrations 0021 and 0028), in the transaction of what makes them necessary; any number of
 * processes deliver. Who takes one has it for a while; who dies with it leaves it to be taken again, so a purge may come twice.
 */
import type { Purge, PurgeProgress, PurgeReason, PurgeState } from '../model/purge.ts'
import type { Sql } from './database.ts'

const TAKE = {
  name: 'purges_take',
  text: `update purge p set tries = tries + 1, not_before = now() + make_interval(secs => $2)
         from (select tenant_id, purge_id from purge where state = 'PENDING' and not_before <= now()
               order by not_before limit $1 for update skip locked) due
         where p.tenant_id = due.tenant_id and p.purge_id = due.purge_id
         returning p.purge_id as id, p.tenant_id as tenant, p.reason, p.subject, p.tags, p.tries, p.targets, p.created_at as "createdAt"`,
}

/** By name of the target; one that is not in it has not been told yet. */
export type Targets = Readonly<Record<string, PurgeProgress>>

export interface TakenPurge extends Purge {
  /** How often it was taken, this one included. */
  readonly tries: number
  readonly targets: Targets
}

/** The most overdue of every tenant, for so long. */
export const takePurges = (sql: Sql, { limit, holdMs }: { limit: number; holdMs: number }): Promise<TakenPurge[]> =>
  sql.rows<TakenPurge>(TAKE, [limit, holdMs / 1000])

const SETTLE = {
  name: 'purge_settle',
  text: `update purge set state = $4, last_answer = $5, not_before = now() + make_interval(secs => $6), targets = $7,
           finished_at = case when $4 <> 'PENDING' then now() end
         where tenant_id = $1 and purge_id = $2 and state = 'PENDING' and tries = $3 returning 1`,
}

/** False: somebody else has it by now. */
export const settlePurge = async (
  sql: Sql,
  { tenant, id, tries }: Pick<TakenPurge, 'tenant' | 'id' | 'tries'>,
  { state, answer, retryMs, targets }: { state: PurgeState; answer: string; retryMs: number; targets: Targets },
): Promise<boolean> => {
  const values = [tenant, id, tries, state, answer.slice(0, 200), retryMs / 1000, JSON.stringify(targets)]
  return (await sql.rows(SETTLE, values)).length > 0
}

const PRUNE = {
  name: 'purges_prune',
  text: `delete from purge where state <> 'PENDING' and finished_at < now() - make_interval(secs => $1)
           or $2 and state = 'PENDING' and created_at < now() - make_interval(secs => $1) and tenant_id is not null`,
}

/** What is over goes after a while; where nobody is to be told, so does what waits. */
export const prunePurges = async (
  sql: Sql,
  { keepMs, pending }: { keepMs: number; pending: boolean },
): Promise<void> => {
  await sql.rows(PRUNE, [keepMs / 1000, pending])
}

const COUNT = {
  name: 'purges_count',
  text: `select state, count(*)::int as count, min(created_at) as oldest from purge
         where state = 'PENDING' and tenant_id is not null group by state
         union all select state, count(*)::int, min(created_at) from purge where state = 'DEAD' group by state`,
}

export interface PurgeBacklog {
  readonly state: Exclude<PurgeState, 'DONE'>
  readonly count: number
  readonly oldest: Date
}

export const countPurges = (sql: Sql): Promise<PurgeBacklog[]> => sql.rows<PurgeBacklog>(COUNT, [])

const LIST = {
  name: 'purges_list',
  text: `select purge_id as id, tenant_id as tenant, reason, subject, tags, state, tries, targets, last_answer as "lastAnswer",
                created_at as "createdAt", finished_at as "finishedAt"
         from purge where tenant_id = $1 and ($2::text is null or state = $2) order by created_at desc, purge_id limit $3`,
}

export interface ListedPurge extends Purge {
  readonly reason: PurgeReason
  readonly state: PurgeState
  readonly tries: number
  readonly targets: Targets
  readonly lastAnswer: string | null
  readonly finishedAt: Date | null
}

export const listPurges = (
  sql: Sql,
  { tenant, state, limit }: { tenant: string; state: string | undefined; limit: number },
): Promise<ListedPurge[]> => sql.rows<ListedPurge>(LIST, [tenant, state ?? null, limit])

const REDRIVE = {
  name: 'purges_redrive',
  text: `update purge set state = 'PENDING', tries = 0, not_before = now(), finished_at = null,
           targets = case when targets -> 'verify' ->> 'state' = 'DEAD' then '{}' else
             coalesce((select jsonb_object_agg(t.key, t.value) from jsonb_each(targets) t where t.value ->> 'state' = 'DONE'), '{}') end
         where tenant_id = $1 and state = 'DEAD' returning 1`,
}

/** What was given up is tried again with those who did not take it; with all of them where they did, and it had no effect. */
export const redrivePurges = async (sql: Sql, tenant: string): Promise<number> =>
  (await sql.rows(REDRIVE, [tenant])).length
