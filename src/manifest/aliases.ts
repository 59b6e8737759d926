/**
 * Names of assets in other systems. Several are taken in one order and by one statement: of two who want the same, one waits for the
 * other and then sees whose it is.
 */
import { ALIAS_NAMESPACE, type AliasName } from '../model/alias.ts'
import type { Sql } from './database.ts'

interface OfAsset {
  readonly tenant: string
  readonly asset: string
}

const columnsOf = (aliases: readonly AliasName[]) => [
  aliases.map(({ namespace }) => namespace),
  aliases.map(({ externalId }) => externalId),
]

const FIND = {
  name: 'alias_find',
  text: `select asset_id as asset from asset_alias where tenant_id = $1 and namespace = $2 and external_id = $3`,
}
const FIND_OWN = {
  name: 'alias_find_own',
  text: `select asset_id as asset from asset where tenant_id = $1 and alias = $2`,
}

/** The asset of that name. */
export const findAlias = async (
  sql: Sql,
  tenant: string,
  { namespace, externalId }: AliasName,
): Promise<string | undefined> => {
  const [row] = await (namespace === ALIAS_NAMESPACE
    ? sql.rows<{ asset: string }>(FIND_OWN, [tenant, externalId])
    : sql.rows<{ asset: string }>(FIND, [tenant, namespace, externalId]))
  return row?.asset
}

const OTHERS = {
  name: 'aliases_of_others',
  text: `select 1 from unnest($3::text[], $4::text[]) as given (namespace, external_id)
         join asset_alias a on a.tenant_id = $1 and a.namespace = given.namespace and a.external_id = given.external_id
         where a.asset_id is distinct from $2::uuid limit 1`,
}

/** Whether one of them names another asset than this; `undefined`: any. */
export const isAnotherAsset = async (
  sql: Sql,
  { tenant, asset, aliases }: { tenant: string; asset: string | undefined; aliases: readonly AliasName[] },
): Promise<boolean> =>
  aliases.length > 0 && (await sql.rows(OTHERS, [tenant, asset ?? null, ...columnsOf(aliases)])).length > 0

const TAKE = {
  name: 'aliases_take',
  text: `insert into asset_alias (tenant_id, namespace, external_id, asset_id, created_by)
         select $1, given.namespace, given.external_id, $2, $5 from unnest($3::text[], $4::text[]) with ordinality as given (namespace, external_id, place)
         order by place on conflict (tenant_id, namespace, external_id) do nothing returning namespace`,
}
/** A statement of its own, whose snapshot is younger than what the other waited for. */
const MINE = {
  name: 'aliases_mine',
  text: `select (select count(*)::int from asset_alias where tenant_id = $1 and asset_id = $2) as all,
                (select count(*)::int from unnest($3::text[], $4::text[]) as given (namespace, external_id)
                 join asset_alias a on a.tenant_id = $1 and a.namespace = given.namespace and a.external_id = given.external_id
                 where a.asset_id = $2) as given`,
}

export interface Taken {
  /** Namespaces of those that it did not have before. */
  readonly added: readonly string[]
  /** How many it has now. */
  readonly all: number
}

/**
 * All of them or, by whoever takes his transaction back, none. `undefined`: one of them names another asset. In the order of
 * `orderedAliases`; the row of the asset is locked, or new.
 */
export const takeAliases = async (
  tx: Sql,
  { tenant, asset }: OfAsset,
  { aliases, by }: { aliases: readonly AliasName[]; by: string },
): Promise<Taken | undefined> => {
  const columns = columnsOf(aliases)
  const added = await tx.rows<{ namespace: string }>(TAKE, [tenant, asset, ...columns, by])
  const [mine] = await tx.rows<{ all: number; given: number }>(MINE, [tenant, asset, ...columns])
  if (mine?.given !== aliases.length) return undefined
  return { added: added.map(({ namespace }) => namespace), all: mine.all }
}

const DROP = {
  name: 'aliases_drop',
  text: `delete from asset_alias a using unnest($3::text[], $4::text[]) as given (namespace, external_id)
         where a.tenant_id = $1 and a.namespace = given.namespace and a.external_id = given.external_id and a.asset_id = $2
         returning a.namespace`,
}

/** Namespaces of those that it had. */
export const dropAliases = async (
  tx: Sql,
  { tenant, asset }: OfAsset,
  aliases: readonly AliasName[],
): Promise<readonly string[]> =>
  (await tx.rows<{ namespace: string }>(DROP, [tenant, asset, ...columnsOf(aliases)])).map(row => row.namespace)

const FORGET = {
  name: 'aliases_forget',
  text: `delete from asset_alias where tenant_id = $1 and asset_id = $2 returning namespace`,
}

/** They are free at once. */
export const forgetAliases = async (tx: Sql, { tenant, asset }: OfAsset): Promise<void> => {
  await tx.rows(FORGET, [tenant, asset])
}

const LIST = {
  name: 'aliases_list',
  text: `select namespace, external_id as "externalId", created_at as "createdAt" from asset_alias
         where tenant_id = $1 and asset_id = $2 order by namespace, external_id`,
}

export interface KeptAlias extends AliasName {
  readonly createdAt: Date
}

export const listAliases = (sql: Sql, { tenant, asset }: OfAsset): Promise<KeptAlias[]> =>
  sql.rows<KeptAlias>(LIST, [tenant, asset])
