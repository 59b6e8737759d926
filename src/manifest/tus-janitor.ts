/** What uploads in pieces leave, found for the janitor. Any number of processes may look at once: all of it may be done twice. */
import type { Sql } from './database.ts'

export interface EndedTusUpload {
  readonly tenant: string
  readonly upload: string
}

const BATCH = 100

const EXPIRE = {
  name: 'tus_expire',
  text: `update tus_upload set state = 'EXPIRED', ended_at = now(), fence = fence + 1, finishing_until = null
         where state = 'OPEN' and expires_at <= now() and coalesce(finishing_until <= now(), true) returning 1`,
}

/** Ends those whose time is over; how many that were. */
export const expireTusUploads = async (sql: Sql): Promise<number> => (await sql.rows(EXPIRE, [])).length

const UNCLEARED = {
  name: 'tus_uncleared',
  text: `select tenant_id as tenant, upload_id as upload from tus_upload where cleared_at is null and state <> 'OPEN'
         order by ended_at limit ${BATCH}`,
}

export const unclearedTusUploads = (sql: Sql): Promise<EndedTusUpload[]> => sql.rows<EndedTusUpload>(UNCLEARED, [])

const CLEAR = {
  name: 'tus_clear',
  text: `with gone as (delete from tus_piece where tenant_id = $1 and upload_id = $2)
         update tus_upload set cleared_at = coalesce(cleared_at, now()) where tenant_id = $1 and upload_id = $2 and state <> 'OPEN'`,
}

/** Its objects are gone. */
export const clearTusUpload = async (sql: Sql, { tenant, upload }: EndedTusUpload): Promise<void> => {
  await sql.rows(CLEAR, [tenant, upload])
}

const KEPT_HOURS = 24

const OLD = {
  name: 'tus_old',
  text: `select tenant_id as tenant, upload_id as upload from tus_upload
         where cleared_at is not null and ended_at < now() - make_interval(hours => ${KEPT_HOURS}) order by ended_at limit ${BATCH}`,
}
const FORGET = { name: 'tus_forget', text: 'delete from tus_upload where tenant_id = $1 and upload_id = $2' }

/** Nobody will ask for them again. */
export const oldTusUploads = (sql: Sql): Promise<EndedTusUpload[]> => sql.rows<EndedTusUpload>(OLD, [])

export const forgetTusUpload = async (sql: Sql, { tenant, upload }: EndedTusUpload): Promise<void> => {
  await sql.rows(FORGET, [tenant, upload])
}
