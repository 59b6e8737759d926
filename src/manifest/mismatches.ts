/** Originals whose object was read whole and had other bytes than its digest says. */
import type { Hex } from '../model/ids.ts'
import type { Database, Sql } from './database.ts'
import { appendNotice } from './events.ts'

/** Asked of each of the few: `offset 0` keeps the planner from going through all nodes once instead. */
const READ_WELL_SINCE = `exists (select 1 from node n where n.tenant_id = m.tenant_id and n.original = m.sha256 and n.state = 'DONE'
                           and n.finished_at > m.found_at offset 0)`

const NOTE = {
  name: 'mismatch_note',
  text: `insert into original_mismatch (tenant_id, sha256) values ($1, decode($2, 'hex'))
         on conflict (tenant_id, sha256) do update set found_at = now() returning xmax = 0 as "isNew"`,
}

interface Named {
  readonly tenant: string
  readonly sha256: Hex
}

const tell = (tx: Sql, { tenant, sha256 }: Named, type: 'drift.detected' | 'drift.healed'): Promise<string> => {
  const resource = `originals/${sha256}`
  return appendNotice(tx, {
    tenant,
    subject: resource,
    cause: { actor: 'worker', correlationId: `original:${sha256.slice(0, 16)}` },
    notice: { type, data: { kind: 'original-mismatch', resource } },
  })
}

/** Told once, however often it is found. */
export const noteMismatch = (database: Database, found: Named): Promise<void> =>
  database.transaction(async tx => {
    const [noted] = await tx.rows<{ isNew: boolean }>(NOTE, [found.tenant, found.sha256])
    if (noted?.isNew) await tell(tx, found, 'drift.detected')
  })

const HEAL = {
  name: 'mismatches_heal',
  text: `delete from original_mismatch m where m.tenant_id is not null and ${READ_WELL_SINCE} returning m.tenant_id as tenant, encode(m.sha256, 'hex') as sha256`,
}

/** Those that a worker has read well since. */
export const healMismatches = (database: Database): Promise<void> =>
  database.transaction(async tx => {
    for (const healed of await tx.rows<Named>(HEAL, [])) await tell(tx, healed, 'drift.healed')
  })

/** Those after which no worker has read them well; of every tenant. */
const STANDING = {
  name: 'mismatches_standing',
  text: `select m.tenant_id as tenant, encode(m.sha256, 'hex') as sha256, m.found_at as "foundAt" from original_mismatch m
         where m.tenant_id is not null
           and not ${READ_WELL_SINCE}
         order by m.found_at limit 100`,
}

export interface Mismatch {
  readonly tenant: string
  readonly sha256: Hex
  readonly foundAt: Date
}

export const standingMismatches = (sql: Sql): Promise<Mismatch[]> => sql.rows<Mismatch>(STANDING, [])
