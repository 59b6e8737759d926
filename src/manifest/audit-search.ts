/** The audit, asked: pages for people, the newest first, and the whole of it for copies, in the order of the chain. */
import type { AuditRow, Outcome } from '../model/audit.ts'
import { COLUMNS } from './audit-chain.ts'
import type { Sql } from './database.ts'

export interface AuditFilter {
  readonly actor: string | undefined
  readonly action: string | undefined
  /** And everything below it. */
  readonly resource: string | undefined
  readonly outcome: Outcome | undefined
  readonly from: Date | undefined
  /** Not included. */
  readonly to: Date | undefined
}

/** `$1` is the tenant. The text is made of what is asked, so that the planner sees which index serves it. */
const CONDITIONS = {
  actor: (n: number) => `actor = $${n}`,
  action: (n: number) => `action = $${n}`,
  // '0' is the character after '/'; these operators compare bytes, as the index does.
  resource: (n: number) => `(resource = $${n} or resource ~>=~ ($${n} || '/') and resource ~<~ ($${n} || '0'))`,
  outcome: (n: number) => `outcome = $${n}`,
  from: (n: number) => `at >= $${n}`,
  to: (n: number) => `at < $${n}`,
} as const satisfies Record<keyof AuditFilter, (n: number) => string>

const NAMES = Object.keys(CONDITIONS) as (keyof AuditFilter)[]

const where = (filter: AuditFilter, firstValue: number) => {
  const asked = NAMES.filter(name => filter[name] !== undefined)
  return {
    /** Of a bounded number of statements, each prepared once. */
    name: asked.join('_'),
    text: asked.map((name, place) => ` and ${CONDITIONS[name](firstValue + place)}`).join(''),
    values: asked.map(name => filter[name]),
  }
}

export interface AuditPage {
  readonly tenant: string
  readonly filter: AuditFilter
  /** The last of the page before. */
  readonly after: { readonly at: Date; readonly id: string } | undefined
  readonly limit: number
}

/** The newest first, those that have no place in the chain yet included. */
export const listAudit = (sql: Sql, { tenant, filter, after, limit }: AuditPage): Promise<AuditRow[]> => {
  const asked = where(filter, 3)
  const place = asked.values.length + 3
  return sql.rows<AuditRow>(
    {
      name: `audit_list_${asked.name}${after ? '_after' : ''}`,
      text: `select ${COLUMNS} from audit where tenant_id = $1${asked.text}
             ${after ? `and (at, audit_id) < ($${place}::timestamptz, $${place + 1}::uuid)` : ''} order by at desc, audit_id desc limit $2`,
    },
    [tenant, limit, ...asked.values, ...(after ? [after.at, after.id] : [])],
  )
}

/** Numbers that one read covers, whatever of them fits: no filter makes it long. */
const WINDOW = 2_000

/** Chained rows after a number and up to another, a window at a time, in the order of the chain. */
export async function* walkAudit(
  sql: Sql,
  { tenant, filter, after, upTo }: { tenant: string; filter: AuditFilter; after: number; upTo: number },
): AsyncGenerator<AuditRow[]> {
  const asked = where(filter, 4)
  const statement = {
    name: `audit_window_${asked.name}`,
    text: `select ${COLUMNS} from audit where tenant_id = $1 and audit_no > $2 and audit_no <= $3${asked.text} order by audit_no`,
  }
  for (let from = after; from < upTo; from += WINDOW)
    yield await sql.rows<AuditRow>(statement, [tenant, from, Math.min(from + WINDOW, upTo), ...asked.values])
}
