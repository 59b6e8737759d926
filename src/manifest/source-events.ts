/**
 * What sources said, whole, and what is being made of it: an item for each asset that is new over there. Whoever takes an item has
 * it for a while and names the number of his try in everything that he does with it; who dies leaves it to be taken again, and
 * what he made in vain is taken back with its transaction.
 *
 * Items of one source about one thing are done in the order in which they came, so that what was sent last is current.
 */
import type { ItemState } from '../model/source-system.ts'
import type { Sql } from './database.ts'

export interface NewSourceEvent {
  readonly tenant: string
  readonly id: string
  readonly source: string
  /** SHA-256 of what tells it from others of its source. */
  readonly key: Buffer
  readonly raw: Buffer
  readonly externalIds: readonly (string | undefined)[]
}

const INSERT = {
  name: 'source_event_insert',
  text: `insert into source_event (tenant_id, event_id, source, key, raw) values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, source, key) do nothing returning 1`,
}
const INSERT_ITEMS = {
  name: 'source_item_insert',
  text: `insert into source_item (tenant_id, event_id, ordinal, source, external_id)
         select $1, $2, n - 1, $3, id from jsonb_array_elements_text($4::jsonb) with ordinality as given (id, n) order by n`,
}

/** False: the source has said this before. */
export const insertSourceEvent = async (tx: Sql, event: NewSourceEvent): Promise<boolean> => {
  const { tenant, id, source, key, raw, externalIds } = event
  if ((await tx.rows(INSERT, [tenant, id, source, key, raw])).length === 0) return false
  const names = JSON.stringify(externalIds.map(name => name ?? null))
  await tx.rows(INSERT_ITEMS, [tenant, id, source, names])
  return true
}

const TAKE = {
  name: 'source_item_take',
  text: `update source_item i set tries = tries + 1, not_before = now() + make_interval(secs => $2)
         from (select tenant_id, event_id, ordinal from source_item d where state = 'PENDING' and not_before <= now()
                 and (external_id is null or not exists (select 1 from source_item e where e.tenant_id = d.tenant_id
                   and e.source = d.source and e.external_id = d.external_id and e.state = 'PENDING' and e.item_no < d.item_no))
               order by not_before, item_no limit $1 for update skip locked) due
         where i.tenant_id = due.tenant_id and i.event_id = due.event_id and i.ordinal = due.ordinal
         returning i.tenant_id as tenant, i.event_id as event, i.ordinal, i.source, i.tries, i.failures,
           (select raw from source_event s where s.tenant_id = i.tenant_id and s.event_id = i.event_id) as raw`,
}

export interface TakenItem {
  readonly tenant: string
  readonly event: string
  readonly ordinal: number
  readonly source: string
  /** Never the same number twice. */
  readonly tries: number
  /** Those that counted. */
  readonly failures: number
  readonly raw: Buffer | null
}

/** The most overdue of every tenant, for so long. */
export const takeItems = (sql: Sql, { limit, holdMs }: { limit: number; holdMs: number }): Promise<TakenItem[]> =>
  sql.rows<TakenItem>(TAKE, [limit, holdMs / 1000])

const FINISH = {
  name: 'source_item_finish',
  text: `update source_item set state = $5, code = $6, asset_id = $7, version = $8, finished_at = now()
         where tenant_id = $1 and event_id = $2 and ordinal = $3 and tries = $4 and state = 'PENDING' returning 1`,
}

export type Outcome =
  | { readonly state: 'DONE'; readonly asset: string; readonly version: number }
  | { readonly state: 'DEAD'; readonly code: string }

/** False: somebody else has it by now. */
export const finishItem = async (tx: Sql, item: TakenItem, outcome: Outcome): Promise<boolean> => {
  const { tenant, event, ordinal, tries } = item
  const made = outcome.state === 'DONE' ? [null, outcome.asset, outcome.version] : [outcome.code, null, null]
  return (await tx.rows(FINISH, [tenant, event, ordinal, tries, outcome.state, ...made])).length > 0
}

const DEFER = {
  name: 'source_item_defer',
  text: `update source_item set code = $5, not_before = now() + make_interval(secs => $6), failures = failures + $7
         where tenant_id = $1 and event_id = $2 and ordinal = $3 and tries = $4 and state = 'PENDING'`,
}

/** To be tried again; it `counts` unless it was no fault of the source's. */
export const deferItem = async (
  sql: Sql,
  { tenant, event, ordinal, tries }: TakenItem,
  { code, afterMs, counts }: { code: string; afterMs: number; counts: boolean },
): Promise<void> => {
  await sql.rows(DEFER, [tenant, event, ordinal, tries, code, afterMs / 1000, counts ? 1 : 0])
}

const ASSET_OF_ALIAS = {
  name: 'source_asset_of_alias',
  text: `select asset_id as asset from asset where tenant_id = $1 and alias = $2`,
}

export const assetOfAlias = async (sql: Sql, tenant: string, alias: string): Promise<string | undefined> =>
  (await sql.rows<{ asset: string }>(ASSET_OF_ALIAS, [tenant, alias]))[0]?.asset

const LIST = {
  name: 'source_item_list',
  text: `select i.item_no::text as no, i.event_id as event, i.ordinal, i.external_id as "externalId", i.state, i.tries, i.code, i.asset_id as asset,
                i.version, e.received_at as "receivedAt", i.not_before as "notBefore", i.finished_at as "finishedAt"
         from source_item i join source_event e on e.tenant_id = i.tenant_id and e.event_id = i.event_id
         where i.tenant_id = $1 and i.source = $2 and ($3::text is null or i.state = $3) and ($4::bigint is null or i.item_no < $4)
         order by i.item_no desc limit $5`,
}

export interface ListedItem {
  readonly no: string
  readonly event: string
  readonly ordinal: number
  readonly externalId: string | null
  readonly state: ItemState
  readonly tries: number
  readonly code: string | null
  readonly asset: string | null
  readonly version: number | null
  readonly receivedAt: Date
  readonly notBefore: Date
  readonly finishedAt: Date | null
}

/** Newest first. */
export const listItems = (
  sql: Sql,
  tenant: string,
  source: string,
  { state, before, limit }: { state: ItemState | undefined; before: string | undefined; limit: number },
): Promise<ListedItem[]> => sql.rows<ListedItem>(LIST, [tenant, source, state ?? null, before ?? null, limit])

const RAW = {
  name: 'source_event_raw',
  text: `select raw from source_event where tenant_id = $1 and source = $2 and event_id = $3 and raw is not null`,
}

export const findRaw = async (sql: Sql, tenant: string, source: string, event: string): Promise<Buffer | undefined> =>
  (await sql.rows<{ raw: Buffer }>(RAW, [tenant, source, event]))[0]?.raw

const REDRIVE = {
  name: 'source_item_redrive',
  text: `update source_item set state = 'PENDING', failures = 0, not_before = now(), finished_at = null
         where tenant_id = $1 and source = $2 and state = 'DEAD' returning 1`,
}

export const redriveItems = async (tx: Sql, tenant: string, source: string): Promise<number> =>
  (await tx.rows(REDRIVE, [tenant, source])).length

const PRUNE = {
  name: 'source_event_prune',
  text: `delete from source_event where (tenant_id, event_id) in (
           select e.tenant_id, e.event_id from source_event e where e.received_at < now() - make_interval(days => $1)
             and not exists (select 1 from source_item i where i.tenant_id = e.tenant_id and i.event_id = e.event_id and i.state <> 'DONE')
           order by e.received_at limit 1000)`,
}

/** Those of which everything is done, some at a time. */
export const pruneSourceEvents = async (sql: Sql, keepDays: number): Promise<void> => {
  await sql.rows(PRUNE, [keepDays])
}

const ERASE_RAW = {
  name: 'source_event_erase',
  text: `update source_event e set raw = null where tenant_id = $1 and event_id in
           (select event_id from source_item where tenant_id = $1 and asset_id = $2 and ($3::int is null or version = $3))`,
}
const ERASE_NAMES = {
  name: 'source_item_erase',
  text: `update source_item set external_id = null where tenant_id = $1 and asset_id = $2 and ($3::int is null or version = $3)`,
}

/** Of an asset that is erased, or of one version of it: the payloads that named it go whole. */
export const eraseSourceEvents = async (
  tx: Sql,
  { tenant, asset, version }: { readonly tenant: string; readonly asset: string; readonly version: number | null },
): Promise<void> => {
  await tx.rows(ERASE_RAW, [tenant, asset, version])
  await tx.rows(ERASE_NAMES, [tenant, asset, version])
}
