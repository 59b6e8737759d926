/** What must hold at any moment, whatever was killed: each query finds the rows that break one rule, so an empty answer is health. */
import type { Sql } from './database.ts'

const INVARIANTS = {
  'pointer-names-active-version': `select a.asset_id::text as subject from asset a
    left join asset_version v on v.tenant_id = a.tenant_id and v.asset_id = a.asset_id and v.version = a.active_version
    where a.active_version is not null and v.state is distinct from 'ACTIVE'`,
  'last-publication-is-pointer': `select a.asset_id::text as subject from asset a
    join lateral (select version from publication p where p.tenant_id = a.tenant_id and p.asset_id = a.asset_id order by publication_no desc limit 1) p on true
    where p.version is distinct from a.active_version and a.erased_at is null`,
  'published-version-is-complete': `select v.asset_id || '/' || v.version as subject from asset_version v
    join asset a using (tenant_id, asset_id) join collection c using (tenant_id, collection_id)
    join leaf l using (tenant_id, asset_id, version) left join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id
    where v.state in ('READY', 'ACTIVE') and v.publish_policy <> 'now' and l.required and l.eager and l.created_at <= v.ready_at
      and (c.publish_gate = 'all' or c.publish_gate = 'owner' and l.product_id = c.owner_product) and n.state is distinct from 'DONE'`,
  'complete-version-is-not-processing': `select v.asset_id || '/' || v.version as subject from asset_version v
    where v.state = 'PROCESSING' and not exists (
      select 1 from leaf l join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id
      where l.tenant_id = v.tenant_id and l.asset_id = v.asset_id and l.version = v.version and l.required and l.eager and n.state not in ('DONE', 'DEAD'))`,
  'done-node-has-derivative': `select encode(n.node_id, 'hex') as subject from node n
    left join derivative d on d.tenant_id = n.tenant_id and d.sha256 = n.output where n.state = 'DONE' and d.sha256 is null`,
  'node-runs-once': `select encode(node_id, 'hex') as subject from node where executions > 1`,
  'events-of-an-asset-have-no-gap': `select asset_id::text as subject from event where asset_id is not null group by tenant_id, asset_id having count(*) <> max(asset_event_no) or min(asset_event_no) <> 1`,
  'sequence-has-no-gap': `select 'event' as subject from event having count(seq) <> coalesce(max(seq), 0)`,
  'each-publication-has-one-event': `select p.asset_id || '/' || p.publication_no as subject from publication p
    where (select count(*) from event e where e.tenant_id = p.tenant_id and e.asset_id = p.asset_id
      and e.type in ('asset.published', 'asset.rolled_back') and (e.data ->> 'publication')::bigint = p.publication_no) <> 1`,
  'waiting-delivery-has-one-before-it': `select w.delivery_id::text as subject from delivery w where w.state = 'WAITING' and not exists (
    select 1 from delivery p where p.tenant_id = w.tenant_id and p.subscription_id = w.subscription_id and p.asset_id = w.asset_id and p.state = 'PENDING')`,
} as const

export interface Violated {
  readonly invariant: string
  readonly subjects: readonly string[]
}

/** Invariants that do not hold, with up to ten rows that break each. */
export const checkInvariants = async (sql: Sql): Promise<Violated[]> => {
  const results = await Promise.all(
    Object.entries(INVARIANTS).map(async ([invariant, text]) => {
      const rows = await sql.rows<{ subject: string }>({ name: `invariant_${invariant}`, text: `${text} limit 10` }, [])
      return { invariant, subjects: rows.map(row => row.subject) }
    }),
  )
  return results.filter(({ subjects }) => subjects.length > 0)
}

export const serverClock = async (sql: Sql): Promise<{ version: string; now: Date }> => {
  const [row] = await sql.rows<{ version: string; now: Date }>(
    { name: 'server_clock', text: `select current_setting('server_version') as version, clock_timestamp() as now` },
    [],
  )
  if (!row) throw new Error('Postgres did not say its version')
  return row
}
