/** When keys were last used: written in batches outside of requests, in a table that no answer depends on. */
import type { Sql } from './database.ts'

export interface KeyUse {
  readonly key: string
  readonly tenant: string
  /** Epoch milliseconds. */
  readonly at: number
}

/** Several gateways may tell of one key: what is not a minute newer than what is known is not written. */
const RECORD = {
  name: 'key_use_record',
  text: `insert into key_use as u (tenant_id, key_id, used_at)
         select k.tenant_id, k.key_id, to_timestamp(q.at / 1000.0)
         from unnest($1::text[], $2::text[], $3::float8[]) as q (tenant, key, at)
         join api_key k on k.tenant_id = q.tenant and k.key_id = q.key
         order by k.key_id
         on conflict (key_id) do update set used_at = excluded.used_at
           where u.used_at <= excluded.used_at - interval '1 minute'`,
}

export const recordKeyUse = async (sql: Sql, uses: readonly KeyUse[]): Promise<void> => {
  await sql.rows(RECORD, [uses.map(({ tenant }) => tenant), uses.map(({ key }) => key), uses.map(({ at }) => at)])
}
