/** Plans of statements as Postgres carries them out, and what is wrong with one of a system that has grown. */
import { createRequire } from 'node:module'
import pg from 'pg'

/** Spells values as the driver does. */
const { prepareValue } = createRequire(import.meta.url)('pg/lib/utils.js') as {
  prepareValue: (value: unknown) => string | number | boolean | null | Buffer
}

interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Plan Rows': number
  readonly 'Actual Rows'?: number
  readonly 'Actual Loops'?: number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Join Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly 'Shared Hit Blocks'?: number
  readonly 'Shared Read Blocks'?: number
  readonly Plans?: readonly PlanNode[]
}

const literal = (value: unknown): string => {
  const spelled = prepareValue(value)
  if (spelled === null || spelled === undefined) return 'null'
  return Buffer.isBuffer(spelled) ? `'\\x${spelled.toString('hex')}'` : pg.escapeLiteral(String(spelled))
}

/**
 * Prepared and executed, as the driver does it, and rolled back. What may be done once (a row with the same key is there by now)
 * is only planned.
 */
export const planOf = async (client: pg.Client, text: string, values: readonly unknown[] = []): Promise<PlanNode> => {
  const call = values.length === 0 ? '' : `(${values.map(literal).join(', ')})`
  await client.query('begin')
  try {
    await client.query(`prepare one as ${text}`)
    await client.query('savepoint before')
    const explain = async (how: string) =>
      (await client.query(`explain (${how}, format json) execute one${call}`)).rows[0]['QUERY PLAN'][0].Plan as PlanNode
    try {
      return await explain('analyze, buffers, timing off')
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || !error.code?.startsWith('23')) throw error
      await client.query('rollback to before')
      return await explain('costs')
    }
  } finally {
    await client.query('rollback')
    await client.query('deallocate all')
  }
}

const nodesOf = (plan: PlanNode): PlanNode[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]

/** Rows read and thrown away: leaves of a version, grants of a collection and the like. */
const MOST_REMOVED = 50
/** A batch of the sequencer and of the chain has a thousand; everything else sorts what belongs to one asset, or a page. */
const MOST_SORTED = 1_100
/** Blocks of 8 kB: some four of an index probe, a few dozen probes; and what each row that comes out takes. */
const MOST_BLOCKS = 400
const BLOCKS_A_ROW = 10

/** Of the whole plan, read or found in memory. */
export const blocksOf = (plan: PlanNode): number => (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0)

/** What is wrong with it; nothing, where its cost does not follow the size of the tables. */
export const faultsOf = (plan: PlanNode, growing: readonly string[]): string[] => {
  const faults: string[] = []
  const blocks = blocksOf(plan)
  if (blocks > MOST_BLOCKS + BLOCKS_A_ROW * (plan['Actual Rows'] ?? 0)) faults.push(`touches ${blocks} blocks`)
  for (const node of nodesOf(plan)) {
    const loops = node['Actual Loops'] ?? 1
    const table = node['Relation Name'] ?? ''
    const removed =
      (node['Rows Removed by Filter'] ?? 0) +
      (node['Rows Removed by Join Filter'] ?? 0) +
      (node['Rows Removed by Index Recheck'] ?? 0)
    if (node['Node Type'] === 'Seq Scan' && growing.includes(table)) faults.push(`scans ${table}`)
    if (removed * loops > MOST_REMOVED)
      faults.push(`throws away ${removed * loops} rows of ${node['Node Type']} ${table}`)
    if (/Sort/.test(node['Node Type']) && (node['Actual Rows'] ?? 0) * loops > MOST_SORTED)
      faults.push(`sorts ${(node['Actual Rows'] ?? 0) * loops} rows`)
  }
  return faults
}
