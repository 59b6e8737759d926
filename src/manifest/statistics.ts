/**
 * What the planner knows of a database that fills for the first time. Postgres looks by itself once a minute; until then it plans
 * for empty tables, prefers an index by its tenant alone, and keeps such plans in its sessions. Measured after 10,000 assets
 * were added to an empty database: the gate of a version 24 ms, a claim 7 ms, a resolve 3 ms, the report of efficiency more than
 * the 5 s that it has; with statistics below 1 ms each and 0.13 s. No index helps: the right ones are there and are not chosen.
 */
import type { Database } from './database.ts'

/** Since they were last counted, rows have at least doubled. Beyond so many, the growth of a minute misleads nobody. */
const OUTGROWN = {
  name: 'statistics_outgrown',
  text: `select quote_ident(c.relname) as name from pg_stat_user_tables s join pg_class c on c.oid = s.relid
         where s.schemaname = current_schema() and s.n_mod_since_analyze > greatest(200, c.reltuples) and c.reltuples < 200000
         order by c.relname`,
}

/** Counts tables that have outgrown their statistics; plans made for them are made anew. Resolves with their names. */
export const refreshStatistics = async (database: Database): Promise<readonly string[]> => {
  const outgrown = (await database.rows<{ name: string }>(OUTGROWN, [])).map(({ name }) => name)
  for (const name of outgrown) {
    // What somebody else counts at this moment needs no second count.
    await database.rows({ name: `statistics_${name}`, text: `analyze (skip_locked) ${name}` }, [])
  }
  return outgrown
}
