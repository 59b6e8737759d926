/**
 * Assets found by what they are. Every read here is bounded by its limit: candidates in the order that is asked for, each with word of
 * whether it has all the terms, or those that have a rare term. Who may see them is decided by whoever asks (policy/search.ts).
 */
import { type Candidate, DRAFT_STATES, isOfNumbers, isOfTexts, type Term } from '../model/asset-filter.ts'
import type { Sql, Statement } from './database.ts'

/** $5 to $7: texts; $8 to $10: numbers; $11: whether drafts are asked for. */
const COLUMNS = `s.collection_id as collection, s.asset_id as asset, s.owner_product as owner, s.state,
  (extract(epoch from s.updated_at) * 1000000)::bigint as updated, s.media_type as "mediaType", s.byte_length as bytes, s.width, s.height,
  not exists (select 1 from unnest($5::text[], $6::text[], $7::text[]) q(path, low, high) where not exists (
    select 1 from asset_term t where t.tenant_id = s.tenant_id and t.asset_id = s.asset_id and t.path = q.path collate "C"
      and t.value >= q.low collate "C" and t.value < q.high collate "C"))
  and not exists (select 1 from unnest($8::text[], $9::float8[], $10::float8[]) q(path, low, high) where not exists (
    select 1 from asset_term t where t.tenant_id = s.tenant_id and t.asset_id = s.asset_id and t.path = q.path collate "C"
      and t.number >= q.low and t.number < q.high)) as fits,
  case when $11 then s.state <> 'ARCHIVED' and exists (select 1 from asset_version d where d.tenant_id = s.tenant_id
    and d.asset_id = s.asset_id and d.state in (${DRAFT_STATES.map(state => `'${state}'`).join(', ')}) offset 0) else false end as "hasDraft"`

const walk = (name: string, { by, beyond }: { by: string; beyond: string }): Statement => ({
  name,
  text: `select ${COLUMNS} from (select s.* from unnest($2::text[]) c(id) cross join lateral (
           select * from asset_search s where s.tenant_id = $1 and s.collection_id = c.id and ${beyond} order by ${by} limit $4) s
           order by ${by} limit $4) s order by ${by}`,
})

const AT = `timestamptz 'epoch' + $12::bigint * interval '1 microsecond'`
const WALKS = {
  created: walk('search_created', { by: 's.asset_id', beyond: 's.asset_id > $3::uuid' }),
  '-created': walk('search_created_down', { by: 's.asset_id desc', beyond: 's.asset_id < $3::uuid' }),
  updated: walk('search_updated', {
    by: 's.updated_at, s.asset_id',
    beyond: `(s.updated_at, s.asset_id) > (${AT}, $3::uuid)`,
  }),
  '-updated': walk('search_updated_down', {
    by: 's.updated_at desc, s.asset_id desc',
    beyond: `(s.updated_at, s.asset_id) < (${AT}, $3::uuid)`,
  }),
} as const

/** Where a walk goes on from. */
export interface Position {
  readonly updated: number
  readonly asset: string
}

export interface Asked {
  readonly tenant: string
  readonly terms: readonly Term[]
  readonly drafts: boolean
}

const termValues = ({ terms, drafts }: Asked): readonly unknown[] => {
  const numbers = terms.filter(isOfNumbers)
  const texts = terms.filter(isOfTexts)
  return [
    texts.map(({ path }) => path),
    texts.map(({ from }) => from),
    texts.map(({ below }) => below),
    numbers.map(({ path }) => path),
    numbers.map(({ least }) => least),
    numbers.map(({ below }) => below),
    drafts,
  ]
}

/** The next ones of these collections after a position, whether they fit or not. */
export const walkAssets = (
  sql: Sql,
  asked: Asked,
  {
    sort,
    collections,
    after,
    limit,
  }: { sort: keyof typeof WALKS; collections: readonly string[]; after: Position; limit: number },
): Promise<Candidate[]> => {
  const values = [asked.tenant, collections, after.asset, limit, ...termValues(asked)]
  return sql.rows<Candidate>(WALKS[sort], sort.endsWith('updated') ? [...values, after.updated] : values)
}

export interface Named {
  readonly collection: string
  readonly asset: string
}

const THESE: Statement = {
  name: 'search_these',
  text: `select ${COLUMNS} from (select s.* from unnest($2::text[], $3::uuid[]) i(collection, asset) cross join lateral (
           select * from asset_search s where s.tenant_id = $1 and s.collection_id = i.collection and s.asset_id = i.asset offset 0) s
           limit $4) s`,
}

/** Of these, in no order. */
export const theseAssets = (sql: Sql, asked: Asked, named: readonly Named[]): Promise<Candidate[]> =>
  sql.rows<Candidate>(THESE, [
    asked.tenant,
    named.map(({ collection }) => collection),
    named.map(({ asset }) => asset),
    named.length,
    ...termValues(asked),
  ])

const having = (name: string, where: string): Statement => ({
  name,
  text: `select t.collection_id as collection, t.asset_id as asset from unnest($2::text[]) c(id) cross join lateral (
           select collection_id, asset_id from asset_term t
           where t.tenant_id = $1 and t.collection_id = c.id and t.path = $3 collate "C" and ${where} limit $6) t limit $6`,
})
const HAVING_TEXT = having('search_having_text', 't.value >= $4::text collate "C" and t.value < $5::text collate "C"')
const HAVING_NUMBER = having(
  'search_having_number',
  't.number is not null and t.number >= $4::float8 and t.number < $5::float8',
)

/** Assets that have a term, each as often as it has it; as many as the limit where there are more. */
export const assetsHaving = (
  sql: Sql,
  { tenant, collections, term, limit }: { tenant: string; collections: readonly string[]; term: Term; limit: number },
): Promise<Named[]> => {
  const [low, high] = isOfNumbers(term) ? [term.least, term.below] : [term.from, term.below]
  return sql.rows<Named>(isOfNumbers(term) ? HAVING_NUMBER : HAVING_TEXT, [
    tenant,
    collections,
    term.path,
    low,
    high,
    limit,
  ])
}

const own = (name: string, { by, beyond }: { by: string; beyond: string }): Statement => ({
  name,
  text: `select a.asset_id as asset, a.collection_id as collection from asset_edge e
         join asset a on a.tenant_id = e.tenant_id and a.asset_id = e.asset_id
         where e.tenant_id = $1 and e.product_id = $2 and ${beyond} order by ${by} limit $4`,
})
const OWN = own('search_own', { by: 'e.asset_id', beyond: 'e.asset_id > $3::uuid' })
const OWN_DOWN = own('search_own_down', { by: 'e.asset_id desc', beyond: 'e.asset_id < $3::uuid' })

/** That have an edge of their own for the product, in the order of their making or against it. */
export const ownAssets = (
  sql: Sql,
  {
    tenant,
    product,
    after,
    limit,
    isDown,
  }: { tenant: string; product: string; after: string; limit: number; isDown: boolean },
): Promise<Named[]> => sql.rows<Named>(isDown ? OWN_DOWN : OWN, [tenant, product, after, limit])

const WORDS = { name: 'search_words', text: 'select word from search_words($1)' }

/** Of a text, as assets have them. */
export const wordsOf = async (sql: Sql, text: string): Promise<string[]> =>
  (await sql.rows<{ word: string }>(WORDS, [text])).map(({ word }) => word)
