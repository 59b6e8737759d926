/** Originals whose object was read whole and had other bytes than its digest says. */
import type { Hex } from '../model/ids.ts'
import type { Sql } from './database.ts'

const NOTE = {
  name: 'mismatch_note',
  text: `insert into original_mismatch (tenant_id, sha256) values ($1, decode($2, 'hex'))
         on conflict (tenant_id, sha256) do update set found_at = now()`,
}

export const noteMismatch = async (sql: Sql, { tenant, sha256 }: { tenant: string; sha256: Hex }): Promise<void> => {
  await sql.rows(NOTE, [tenant, sha256])
}

/** Those after which no worker has read them well; of every tenant. */
const STANDING = {
  name: 'mismatches_standing',
  text: `select m.tenant_id as tenant, encode(m.sha256, 'hex') as sha256, m.found_at as "foundAt" from original_mismatch m
         where m.tenant_id is not null
           and not exists (select 1 from node n where n.tenant_id = m.tenant_id and n.original = m.sha256 and n.state = 'DONE'
                           and n.finished_at > m.found_at)
         order by m.found_at limit 100`,
}

export interface Mismatch {
  readonly tenant: string
  readonly sha256: Hex
  readonly foundAt: Date
}

export const standingMismatches = (sql: Sql): Promise<Mismatch[]> => sql.rows<Mismatch>(STANDING, [])
