/** Old and new outputs of one wish: claimed like looks, by beginning, so that what kills a worker is left alone in the end. */
import type { Difference } from '../model/engine.ts'
import type { Hex } from '../model/ids.ts'
import type { LeafName } from '../model/node.ts'
import type { Sql } from './database.ts'

/** Longer than a comparison takes. */
const AGAIN_AFTER_S = 60
export const MOST_TRIES = 3

export interface Output {
  readonly sha256: Hex
  readonly bytes: number
  readonly width: number
  readonly height: number
  readonly objectKey: string
}

export interface Pair {
  readonly tenant: string
  readonly oldNode: Hex
  readonly newNode: Hex
  /** This one included. */
  readonly tries: number
  readonly old: Output | null
  readonly new: Output | null
  /** Why there is no new output. */
  readonly failure: string | null
}

const output = (table: string): string =>
  `case when ${table}.sha256 is not null then json_build_object('sha256', encode(${table}.sha256, 'hex'), 'bytes', ${table}.byte_length,
     'width', ${table}.width, 'height', ${table}.height, 'objectKey', ${table}.object_key) end`

const OUTPUTS = `left join node o on o.tenant_id = c.tenant_id and o.node_id = c.old_node
         left join derivative od on od.tenant_id = o.tenant_id and od.sha256 = o.output
         left join node n on n.tenant_id = c.tenant_id and n.node_id = c.new_node
         left join derivative nd on nd.tenant_id = n.tenant_id and nd.sha256 = n.output`
const PAIR = `c.tenant_id as tenant, encode(c.old_node, 'hex') as "oldNode", encode(c.new_node, 'hex') as "newNode", c.tries,
         ${output('od')} as old, ${output('nd')} as new, n.failure ->> 'code' as failure`

const CLAIM = {
  name: 'comparisons_claim',
  text: `with c as (
           update comparison c set tries = c.tries + 1, not_before = now() + make_interval(secs => ${AGAIN_AFTER_S})
           from (select w.tenant_id, w.old_node, w.new_node from comparison w
                 join node m on m.tenant_id = w.tenant_id and m.node_id = w.new_node and m.state in ('DONE', 'DEAD')
                 where w.compared_at is null and w.not_before <= now() order by w.not_before limit $1 for update of w skip locked) w
           where c.tenant_id = w.tenant_id and c.old_node = w.old_node and c.new_node = w.new_node
           returning c.tenant_id, c.old_node, c.new_node, c.tries)
         select ${PAIR} from c ${OUTPUTS}`,
}

/** Of every tenant: pairs whose new output is made or given up. */
export const claimPairs = (sql: Sql, limit: number): Promise<Pair[]> => sql.rows<Pair>(CLAIM, [limit])

const SETTLE = {
  name: 'comparison_settle',
  text: `update comparison set ssim = $4, largest = $5, failure = $6, compared_at = now()
         where tenant_id = $1 and old_node = decode($2, 'hex') and new_node = decode($3, 'hex') and compared_at is null`,
}

export const settlePair = async (sql: Sql, pair: Pair, found: Difference | { failure: string }): Promise<void> => {
  const figures = 'failure' in found ? [null, null, found.failure] : [found.ssim, found.largest, null]
  await sql.rows(SETTLE, [pair.tenant, pair.oldNode, pair.newNode, ...figures])
}

const GIVE_BACK = {
  name: 'comparison_give_back',
  text: `update comparison set tries = tries - 1, not_before = now() + interval '1 second'
         where tenant_id = $1 and old_node = decode($2, 'hex') and new_node = decode($3, 'hex') and compared_at is null and tries > 0`,
}

/** It was not begun after all, or something else was in the way. */
export const giveBackPair = async (sql: Sql, { tenant, oldNode, newNode }: Pair): Promise<void> => {
  await sql.rows(GIVE_BACK, [tenant, oldNode, newNode])
}

const OF_LEAF = {
  name: 'comparison_of_leaf',
  text: `with c as (select tenant_id, old_node, new_node, 0 as tries from rollout_leaf where tenant_id = $1 and rollout_id = $2 and leaf_no = $3)
         select ${PAIR} from c ${OUTPUTS}`,
}

/** What a leaf of a rollout shows before and after. */
export const pairOfLeaf = async (
  sql: Sql,
  { tenant, rollout, leaf }: { tenant: string; rollout: string; leaf: number },
): Promise<Pair | undefined> => (await sql.rows<Pair>(OF_LEAF, [tenant, rollout, leaf]))[0]

/** Lower ends of the classes, the best first: from 1 on is the same in every pixel. */
export const SSIM_CLASSES = [1, 0.999, 0.99, 0.98, 0.95, 0.9, -1] as const

const SUMMARY = {
  name: 'rollout_summary',
  text: `select count(*) filter (where c.compared_at is not null or r.refusal is not null)::int as compared,
                count(*) filter (where coalesce(c.failure, r.refusal) is not null)::int as failed,
                ${SSIM_CLASSES.map((from, at) =>
                  at === 0
                    ? `count(*) filter (where c.largest = 0)::int as class0`
                    : `count(*) filter (where c.largest > 0 and c.ssim >= ${from}${at === 1 ? '' : ` and c.ssim < ${SSIM_CLASSES[at - 1]}`})::int as class${at}`,
                ).join(',\n                ')}
         from rollout_leaf r left join comparison c on c.tenant_id = r.tenant_id and c.old_node = r.old_node and c.new_node = r.new_node
         where r.tenant_id = $1 and r.rollout_id = $2`,
}

const WORST = {
  name: 'rollout_worst',
  text: `select r.leaf_no as n, r.asset_id as asset, r.version, r.product_id as product, r.rendition, r.revision, r.format, c.ssim, c.largest,
                coalesce(c.failure, r.refusal) as failure
         from rollout_leaf r left join comparison c on c.tenant_id = r.tenant_id and c.old_node = r.old_node and c.new_node = r.new_node
         where r.tenant_id = $1 and r.rollout_id = $2 and (c.compared_at is not null or r.refusal is not null) and c.largest is distinct from 0
         order by c.ssim nulls first, c.largest desc, r.leaf_no limit $3`,
}

export interface WorstLeaf extends LeafName {
  readonly n: number
  readonly ssim: number | null
  readonly largest: number | null
  readonly failure: string | null
}

export interface RolloutReport {
  readonly compared: number
  readonly failed: number
  /** As many as there are classes. */
  readonly histogram: readonly number[]
  /** Failures first; without those that are equal. */
  readonly worst: readonly WorstLeaf[]
}

export const reportRollout = async (
  sql: Sql,
  { tenant, id }: { tenant: string; id: string },
  mostWorst: number,
): Promise<RolloutReport> => {
  const [[summary], worst] = await Promise.all([
    sql.rows<Record<string, number>>(SUMMARY, [tenant, id]),
    sql.rows<WorstLeaf>(WORST, [tenant, id, mostWorst]),
  ])
  const { compared = 0, failed = 0 } = summary ?? {}
  return { compared, failed, histogram: SSIM_CLASSES.map((_, at) => summary?.[`class${at}`] ?? 0), worst }
}
