/**
 * Holds on assets. They are set, lifted and asked about under the lock of their asset's row, as everything is that would take
 * bytes away: of an erasure and a hold that meet, the one that is first decides, and nothing falls between them.
 */
import { refuse } from '../model/errors.ts'
import type { Sql } from './database.ts'

export interface Hold {
  readonly asset: string
  readonly name: string
  readonly reason: string
  readonly setBy: string
  readonly setAt: Date
}

interface OfAsset {
  readonly tenant: string
  readonly asset: string
}

const COLUMNS = `asset_id as asset, name, reason, set_by as "setBy", set_at as "setAt"`
const OF_ASSET = {
  name: 'holds_of_asset',
  text: `select ${COLUMNS} from asset_hold where tenant_id = $1 and asset_id = $2 order by name`,
}

export const holdsOf = (sql: Sql, { tenant, asset }: OfAsset): Promise<Hold[]> => sql.rows(OF_ASSET, [tenant, asset])

const LIST = {
  name: 'holds_list',
  text: `select ${COLUMNS} from asset_hold where tenant_id = $1 and (asset_id, name) > ($2, $3) order by asset_id, name limit $4`,
}
const BEFORE_ALL = { asset: '00000000-0000-0000-0000-000000000000', name: '' }

/** Of a tenant, by asset and name. */
export const listHolds = (
  sql: Sql,
  { tenant, after = BEFORE_ALL, limit }: { tenant: string; after?: Pick<Hold, 'asset' | 'name'>; limit: number },
): Promise<Hold[]> => sql.rows(LIST, [tenant, after.asset, after.name, limit])

/** One that is there keeps who set it and when. */
const PUT = {
  name: 'hold_put',
  text: `insert into asset_hold (tenant_id, asset_id, name, reason, set_by) values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, asset_id, name) do update set reason = excluded.reason returning ${COLUMNS}`,
}

export const putHold = async (
  tx: Sql,
  { tenant, asset, name, reason, setBy }: OfAsset & Omit<Hold, 'setAt'>,
): Promise<Hold> => {
  const [put] = await tx.rows<Hold>(PUT, [tenant, asset, name, reason, setBy])
  if (!put) throw new Error('An insert returned nothing')
  return put
}

const LIFT = {
  name: 'hold_lift',
  text: 'delete from asset_hold where tenant_id = $1 and asset_id = $2 and name = $3',
}

export const liftHold = async (tx: Sql, { tenant, asset, name }: OfAsset & Pick<Hold, 'name'>): Promise<void> => {
  await tx.rows(LIFT, [tenant, asset, name])
}

const HELD = {
  name: 'asset_held',
  text: 'select exists (select 1 from asset_hold where tenant_id = $1 and asset_id = $2) as held',
}

/** For whoever has locked the asset and would take something away. Throws `held`, which names no matter. */
export const refuseHeld = async (tx: Sql, { tenant, asset }: OfAsset): Promise<void> => {
  const [found] = await tx.rows<{ held: boolean }>(HELD, [tenant, asset])
  if (found?.held) throw refuse('held', 'The asset is under a hold: nothing of it is deleted until that is lifted.')
}

/** A condition on rows of `asset` by this name. */
export const NOT_HELD = (asset: string): string =>
  `not exists (select 1 from asset_hold h where h.tenant_id = ${asset}.tenant_id and h.asset_id = ${asset}.asset_id)`

const COUNT = {
  name: 'assets_held_count',
  text: 'select count(*)::int as held from (select distinct tenant_id, asset_id from asset_hold where tenant_id is not null) h',
}

/** Of every tenant. */
export const countHeld = async (sql: Sql): Promise<number> =>
  (await sql.rows<{ held: number }>(COUNT, []))[0]?.held ?? 0
