/** Builds of the engine by line: seen when a worker starts, allowed to work when registered. Of all tenants. */
import type { EngineBuild, EngineParts } from '../model/engine.ts'
import type { Database, Sql } from './database.ts'

const COLUMNS = `line, fingerprint, parts, seen_at as "seenAt", registered_at as "registeredAt", registered_by as "registeredBy"`

/** Two first starts at once would both be first. */
const LOCK = { name: 'engine_lock', text: `select pg_advisory_xact_lock(hashtextextended('engine ' || $1, 0))` }

const ADMIT = {
  name: 'engine_admit',
  text: `with first as (select not exists (select 1 from engine where line = $1 and registered_at is not null) as yes)
         insert into engine as e (line, fingerprint, parts, registered_at, registered_by)
         select $1, $2, $3, case when yes then now() end, case when yes then 'first start' end from first
         on conflict (line, fingerprint) do update set seen_at = now(),
           registered_at = coalesce(e.registered_at, excluded.registered_at), registered_by = coalesce(e.registered_by, excluded.registered_by)
         returning ${COLUMNS}`,
}

/** Notes that the build was started; registers it where none of its line is. */
export const admitBuild = (
  database: Database,
  { line, fingerprint, parts }: { line: string; fingerprint: string; parts: EngineParts },
): Promise<EngineBuild> =>
  database.transaction(async tx => {
    await tx.rows(LOCK, [line])
    const [build] = await tx.rows<EngineBuild>(ADMIT, [line, fingerprint, JSON.stringify(parts)])
    if (!build) throw new Error(`Engine ${line} ${fingerprint} was not noted`)
    return build
  })

const LIST = {
  name: 'engine_list',
  text: `select ${COLUMNS} from engine order by seen_at desc, line, fingerprint limit 100`,
}

/** The last seen first. */
export const listBuilds = (sql: Sql): Promise<EngineBuild[]> => sql.rows<EngineBuild>(LIST, [])

const REGISTER = {
  name: 'engine_register',
  text: `update engine set registered_at = coalesce(registered_at, now()), registered_by = coalesce(registered_by, $3)
         where line = $1 and fingerprint = $2 returning ${COLUMNS}`,
}

/** `undefined`: no worker of this build was ever started. */
export const registerBuild = async (
  sql: Sql,
  { line, fingerprint, by }: { line: string; fingerprint: string; by: string },
): Promise<EngineBuild | undefined> => (await sql.rows<EngineBuild>(REGISTER, [line, fingerprint, by]))[0]
