/** The statements of a backfill: which versions of a collection lack a rendition, and how far the batches are that were planned. */
import type { FocalPoints } from '../model/focal.ts'
import type { Hex } from '../model/ids.ts'
import type { Operation } from '../model/operation.ts'
import type { ImageFacts } from '../model/original.ts'
import type { Sql } from './database.ts'

/** Assets in the order of their ids, each with its images that are shown or may be soon; an asset without any is a row of nulls. */
const WINDOW = {
  name: 'backfill_window',
  text: `select k.asset_id as asset, v.version, v.state, v.created_at as "createdAt", encode(v.sha256, 'hex') as sha256, o.image, k.focal,
                coalesce(b.leaves, 0) = 0 or coalesce(b.unwanted, false) as lacks
         from (select asset_id, archived_at, focal from asset where tenant_id = $1 and collection_id = $2 and asset_id > coalesce($3::uuid, '00000000-0000-0000-0000-000000000000')
               order by collection_id, asset_id limit $7) k
         left join asset_version v on v.tenant_id = $1 and v.asset_id = k.asset_id and k.archived_at is null
           and v.state in ('PROCESSING', 'READY', 'ACTIVE')
         left join original o on o.tenant_id = $1 and o.sha256 = v.sha256
         left join lateral (
           select count(*)::int as leaves, bool_or(n.state in ('PLANNED', 'EVICTED')) as unwanted
           from leaf l left join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id
           where l.tenant_id = $1 and l.asset_id = v.asset_id and l.version = v.version
             and l.product_id = $4 and l.rendition = $5 and l.revision = $6) b on true
         order by k.asset_id, v.version`,
}

export interface WindowRow {
  readonly asset: string
  readonly version: number | null
  readonly state: 'PROCESSING' | 'READY' | 'ACTIVE' | null
  readonly createdAt: Date | null
  readonly sha256: Hex | null
  readonly image: ImageFacts | null
  readonly focal: FocalPoints | null
  /** Not planned for this revision, or planned and not wanted by anybody so far, or taken away. */
  readonly lacks: boolean
}

export const windowOf = (sql: Sql, { tenant, input, afterAsset }: Operation, assets: number): Promise<WindowRow[]> => {
  const { collection, product, rendition, revision } = input
  return sql.rows<WindowRow>(WINDOW, [tenant, collection, afterAsset, product, rendition, revision, assets])
}

const INSERT_STEP = {
  name: 'operation_step_insert',
  text: `insert into operation_step (tenant_id, operation_id, step_no, assets, versions) values ($1, $2, $3, $4, $5)`,
}
const WALK = {
  name: 'operation_walk',
  text: `update operation set after_asset = $3, round = $4, found = $5, steps = $6, total = greatest(total, $7)
         where tenant_id = $1 and operation_id = $2`,
}

export interface Walked {
  readonly afterAsset: string | null
  readonly round: number
  readonly found: number
  /** Of the new batch. */
  readonly versions: readonly { readonly asset: string; readonly version: number }[]
}

/** The batch and the place where the next one goes on, in the transaction that planned it. The caller holds the lock. */
export const recordWalk = async (tx: Sql, operation: Operation, walked: Walked, planned: number): Promise<void> => {
  const { tenant, id } = operation
  const { afterAsset, round, found, versions } = walked
  const steps = operation.steps + (versions.length > 0 ? 1 : 0)
  if (versions.length > 0) {
    const columns = [versions.map(({ asset }) => asset), versions.map(({ version }) => version)]
    await tx.rows(INSERT_STEP, [tenant, id, steps, ...columns])
  }
  await tx.rows(WALK, [tenant, id, afterAsset, round, found, steps, planned + versions.length])
}

const OPEN_STEPS = {
  name: 'operation_steps_open',
  text: `with w as (
           select s.step_no, s.started_at, u.asset, u.version from operation_step s, unnest(s.assets, s.versions) as u (asset, version)
           where s.tenant_id = $1 and s.operation_id = $2 and s.state = 'RUNNING'),
         bound as (
           select w.step_no, w.asset, w.version, l.node_id, l.refusal is not null as refused, n.state, n.cpu_ms,
                  n.state in ('QUEUED', 'RUNNING', 'RETRY') as open, n.finished_at >= w.started_at as spent
           from w left join leaf l on l.tenant_id = $1 and l.asset_id = w.asset and l.version = w.version
             and l.product_id = $3 and l.rendition = $4 and l.revision = $5
           left join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id),
         versions as (
           select step_no, coalesce(bool_or(open), false) as open, coalesce(bool_or(refused or state = 'DEAD'), false) as failed
           from bound group by step_no, asset, version),
         nodes as (
           select step_no, count(*) filter (where open)::int as open, coalesce(sum(cpu_ms) filter (where spent), 0)::float8 as cpu_ms
           from (select distinct step_no, node_id, open, spent, cpu_ms from bound where node_id is not null) n group by step_no)
         select v.step_no as "stepNo", count(*)::int as versions, count(*) filter (where v.open)::int as open,
                count(*) filter (where v.failed and not v.open)::int as failed,
                coalesce(max(n.open), 0)::int as "openNodes", coalesce(max(n.cpu_ms), 0)::float8 as "cpuMs"
         from versions v left join nodes n using (step_no) group by v.step_no order by v.step_no`,
}

/** A batch that is not settled, as it stands. */
export interface OpenStep {
  readonly stepNo: number
  readonly versions: number
  /** Versions with a node that is still to be made. */
  readonly open: number
  readonly failed: number
  readonly openNodes: number
  /** Spent since it was planned; what was there before cost nothing. */
  readonly cpuMs: number
}

export const openSteps = (sql: Sql, { tenant, id, input }: Operation): Promise<OpenStep[]> =>
  sql.rows<OpenStep>(OPEN_STEPS, [tenant, id, input.product, input.rendition, input.revision])

/** What it named is named by leaves; settled, the names are of no more use. */
const END_STEPS = {
  name: 'operation_steps_end',
  text: `update operation_step s set state = $3, done = w.done, failed = w.failed, cpu_ms = w.cpu_ms, assets = '{}', versions = '{}', finished_at = now()
         from unnest($4::int[], $5::int[], $6::int[], $7::float8[]) as w (step_no, done, failed, cpu_ms)
         where s.tenant_id = $1 and s.operation_id = $2 and s.step_no = w.step_no and s.state = 'RUNNING'`,
}
const ADD_UP = {
  name: 'operation_add_up',
  text: `update operation set done = done + $3, failed = failed + $4, cpu_ms = cpu_ms + $5 where tenant_id = $1 and operation_id = $2`,
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** What batches have come to so far. */
export const tally = (steps: readonly OpenStep[]) => ({
  done: sum(steps.map(({ versions, open, failed }) => versions - open - failed)),
  failed: sum(steps.map(({ failed }) => failed)),
  cpuMs: sum(steps.map(({ cpuMs }) => cpuMs)),
  planned: sum(steps.map(({ versions }) => versions)),
})

/** Adds batches to their operation, for good: settled ones as `DONE`, those of a cancelled one as they are. */
export const endSteps = async (
  tx: Sql,
  { tenant, id }: Operation,
  steps: readonly OpenStep[],
  state: 'DONE' | 'SKIPPED',
): Promise<void> => {
  if (steps.length === 0) return
  const { done, failed, cpuMs } = tally(steps)
  await tx.rows(END_STEPS, [
    tenant,
    id,
    state,
    steps.map(({ stepNo }) => stepNo),
    steps.map(one => one.versions - one.open - one.failed),
    steps.map(one => one.failed),
    steps.map(one => one.cpuMs),
  ])
  await tx.rows(ADD_UP, [tenant, id, done, failed, cpuMs])
}
