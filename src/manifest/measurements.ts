/**
 * Ratios of a whole tenant, for monitors: a look at everything, so that one process takes it every quarter of an hour and all show
 * it. A crash in between costs a measurement, no more; a tenant that is too large for the time of a statement has none.
 */
import type { Database, Sql } from './database.ts'
import { reportEfficiency } from './efficiency.ts'

export const MEASURES = ['storage_efficiency', 'dedup_ratio', 'drift_ratio'] as const
export type Measure = (typeof MEASURES)[number]

/** Before it is looked at, so that nobody else looks as well; the row that says so is the lock of the others. */
const TAKE = {
  name: 'measurement_take',
  text: `insert into measurement (tenant_id, name, value)
         select tenant_id, 'taken', 0 from tenant t
         where not exists (select 1 from measurement m where m.tenant_id = t.tenant_id and m.name = 'taken'
                           and m.measured_at > now() - interval '15 minutes')
         order by tenant_id limit 1
         on conflict (tenant_id, name) do update set measured_at = now()
           where measurement.measured_at <= now() - interval '15 minutes'
         returning tenant_id as tenant`,
}

const DRIFT = {
  name: 'measurement_drift',
  text: `select count(m.sha256)::float8 / greatest(count(*), 1) as ratio
         from original o left join original_mismatch m on m.tenant_id = o.tenant_id and m.sha256 = o.sha256
         where o.tenant_id = $1`,
}

const KEEP = {
  name: 'measurement_keep',
  text: `insert into measurement (tenant_id, name, value) select $1, name, value from unnest($2::text[], $3::float8[]) as w (name, value)
         on conflict (tenant_id, name) do update set value = excluded.value, measured_at = now()`,
}

/** Measures one tenant whose turn it is. Resolves with its name. */
export const measureNext = async (database: Database): Promise<string | undefined> => {
  const [taken] = await database.rows<{ tenant: string }>(TAKE, [])
  if (taken === undefined) return undefined
  const { tenant } = taken
  const { asks, nodes, storage_efficiency } = await reportEfficiency(database, tenant)
  const [drift] = await database.rows<{ ratio: number }>(DRIFT, [tenant])
  const values: Record<Measure, number> = {
    storage_efficiency,
    dedup_ratio: asks === 0 ? 0 : 1 - nodes / asks,
    drift_ratio: drift?.ratio ?? 0,
  }
  await database.rows(KEEP, [tenant, Object.keys(values), Object.values(values)])
  return tenant
}

const READ = {
  name: 'measurements_read',
  text: `select tenant_id as tenant, name, value from measurement where name <> 'taken' order by tenant_id, name limit 3000`,
}

export const readMeasurements = (
  sql: Sql,
): Promise<{ readonly tenant: string; readonly name: Measure; readonly value: number }[]> => sql.rows(READ, [])
