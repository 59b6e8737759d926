/** What is waiting for a worker: what the hints should have said, and how much of it there is. */
import type { Hex } from '../model/ids.ts'
import type { Sql } from './database.ts'

export interface RunnableOriginal {
  readonly tenant: string
  readonly original: Hex
  /** In whose name; empty where nobody said. */
  readonly product: string
  readonly share: number
  readonly priority: number
  /** Epoch milliseconds. */
  readonly queuedAt: number
}

/** Each product's most urgent, so that the cost follows the number of products and not the backlog of one. */
const RUNNABLE = {
  name: 'originals_runnable',
  text: `select p.tenant_id as tenant, encode(o.original, 'hex') as original, p.product_id as product, p.share, o.priority::int,
                (extract(epoch from o.queued_at) * 1000)::bigint as "queuedAt"
         from (select tenant_id, product_id, share from product union all select tenant_id, '', 1 from tenant) p
         cross join lateral (
           select original, min(priority) as priority, min(queued_at) as queued_at
           from (select n.original, n.priority, n.queued_at from node n
                 where n.tenant_id = p.tenant_id and n.product_id = p.product_id and n.state in ('QUEUED', 'RETRY')
                   and (n.not_before is null or n.not_before <= now()) and ($2 or n.format <> 'avif')
                 order by n.priority, n.queued_at limit 100) first
           group by original order by 2, 3 limit $1) o`,
}

/** Up to `each` originals with work for every product, its most urgent first. Those that a worker has in hand may be among them. */
export const runnableOriginals = (
  sql: Sql,
  { each, avif }: { each: number; avif: boolean },
): Promise<RunnableOriginal[]> => sql.rows<RunnableOriginal>(RUNNABLE, [each, avif])

const WAITING = {
  name: 'nodes_waiting_urgently',
  text: `select count(*)::int as all, count(*) filter (where product_id = $2)::int as own
         from (select product_id from node where state in ('QUEUED', 'RETRY') and tenant_id = $1 and priority <= $3 limit $4) w`,
}

/** Nodes that somebody waits for, counted as far as `most`. */
export const waitingUrgently = async (
  sql: Sql,
  { tenant, product, priority, most }: { tenant: string; product: string; priority: number; most: number },
): Promise<{ all: number; own: number }> => {
  const [row] = await sql.rows<{ all: number; own: number }>(WAITING, [tenant, product, priority, most])
  return row ?? { all: 0, own: 0 }
}
