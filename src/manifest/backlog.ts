/** What of a tenant waits, and what was given up: each part reads a partial index that is as long as what it counts. */
import type { Sql } from './database.ts'

export interface Backlog {
  readonly openNodes: number
  readonly deadNodes: number
  readonly openDeliveries: number
  readonly deadDeliveries: number
  readonly deadPurges: number
}

const BACKLOG = {
  name: 'tenant_backlog',
  text: `select (select count(*)::int from node where tenant_id = $1 and state in ('QUEUED', 'RETRY')) as "openNodes",
                (select count(*)::int from node where tenant_id = $1 and state = 'DEAD') as "deadNodes",
                (select count(*)::int from delivery where tenant_id = $1 and state = 'PENDING')
                  + (select count(*)::int from delivery where tenant_id = $1 and state = 'WAITING') as "openDeliveries",
                (select count(*)::int from delivery where tenant_id = $1 and state = 'DEAD') as "deadDeliveries",
                (select count(*)::int from purge where tenant_id = $1 and state = 'DEAD') as "deadPurges"`,
}

export const backlogOfTenant = async (sql: Sql, tenant: string): Promise<Backlog> => {
  const [row] = await sql.rows<Backlog>(BACKLOG, [tenant])
  if (!row) throw new Error('The backlog has one row')
  return row
}
