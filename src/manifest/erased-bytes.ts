/**
 * Bytes that were erased, or are about to be, may come again: uploaded anew, or made for another asset. Whoever writes the row
 * that names an object and whoever deletes the object meet in the row that dooms it:
 *
 *   NAMED --no row names the bytes--> DOOMED --deleted from the store, in a transaction that holds this row--> DELETED
 *                                        \---claimed by the transaction that writes a row for the same bytes--> KEPT
 *
 * A put before the row was written may have found the object there and lost it since. So whoever claims looks for the object
 * while it holds the claim, and puts it again where it is gone; nobody deletes it after. Who deletes and dies before the commit
 * leaves a doomed row without an object: it is deleted again, or claimed and put again.
 */
import type { Erasure } from '../model/erasure.ts'
import type { Hex } from '../model/ids.ts'
import type { ClaimedNode, Derivative } from '../model/node.ts'
import type { Sql } from './database.ts'

export type ObjectKind = 'original' | 'derivative'

const CLAIM = {
  name: 'erased_claim',
  text: `with claimed as (
           update erasure_object set state = 'KEPT', settled_at = now()
           where tenant_id = $1 and kind = $2 and sha256 = decode($3, 'hex') and state = 'DOOMED')
         select exists (select 1 from erasure_object where tenant_id = $1 and kind = $2 and sha256 = decode($3, 'hex')) as erased`,
}

/** In the transaction that has written the row. True: such bytes were erased at some time; look for the object before the commit. */
export const claimErased = async (
  tx: Sql,
  { tenant, kind, sha256 }: { tenant: string; kind: ObjectKind; sha256: Hex },
): Promise<boolean> => (await tx.rows<{ erased: boolean }>(CLAIM, [tenant, kind, sha256]))[0]?.erased ?? false

const DISOWN = {
  name: 'erased_disown',
  text: `insert into erasure_object (tenant_id, erasure_id, kind, sha256, object_key, byte_length, state)
         select o.tenant_id, o.erasure_id, 'derivative', decode($4, 'hex'), $5, $6, 'DOOMED'
         from erasure_object o
         where o.tenant_id = $1 and o.kind = 'original' and o.sha256 = decode($3, 'hex')
           and not exists (select 1 from node where tenant_id = $1 and node_id = decode($2, 'hex'))
           and not exists (select 1 from derivative where tenant_id = $1 and sha256 = decode($4, 'hex'))
         order by o.erasure_id desc limit 1
         on conflict (tenant_id, erasure_id, kind, sha256) do update set state = 'DOOMED', settled_at = null`,
}

/** A worker that was stopped for long put an output of what was erased meanwhile: it is to go too. */
export const disownErased = async (sql: Sql, node: ClaimedNode, derivative: Derivative): Promise<void> => {
  const { sha256, objectKey, bytes } = derivative
  await sql.rows(DISOWN, [node.tenant, node.key, node.original, sha256, objectKey, bytes])
}

const TAKE_DOOMED = {
  name: 'erased_take_doomed',
  text: `select o.tenant_id as tenant, o.erasure_id as erasure, o.kind, encode(o.sha256, 'hex') as sha256, o.object_key as "objectKey",
                case o.kind when 'original' then exists (select 1 from original r where r.tenant_id = o.tenant_id and r.sha256 = o.sha256)
                            else exists (select 1 from derivative d where d.tenant_id = o.tenant_id and d.sha256 = o.sha256) end as named
         from erasure_object o where o.state = 'DOOMED' and o.not_before <= now() order by o.not_before limit 1 for update of o skip locked`,
}

export interface DoomedObject {
  readonly tenant: string
  readonly erasure: string
  readonly kind: ObjectKind
  readonly sha256: Hex
  readonly objectKey: string
  /** There is a row for the bytes again. */
  readonly named: boolean
}

/** One of any tenant, held until the commit. `undefined`: there is none, or others have them in hand. */
export const takeDoomed = async (tx: Sql): Promise<DoomedObject | undefined> =>
  (await tx.rows<DoomedObject>(TAKE_DOOMED, []))[0]

const SETTLE_DOOMED = {
  name: 'erased_settle_doomed',
  text: `update erasure_object set state = $5, settled_at = now()
         where tenant_id = $1 and erasure_id = $2 and kind = $3 and sha256 = decode($4, 'hex')`,
}

export const settleDoomed = async (
  tx: Sql,
  { tenant, erasure, kind, sha256 }: DoomedObject,
  state: 'DELETED' | 'KEPT',
): Promise<void> => {
  await tx.rows(SETTLE_DOOMED, [tenant, erasure, kind, sha256, state])
}

const POSTPONE = {
  name: 'erased_postpone',
  text: `update erasure_object set not_before = now() + make_interval(secs => $5)
         where tenant_id = $1 and erasure_id = $2 and kind = $3 and sha256 = decode($4, 'hex')`,
}

/** One that the store does not let go of must not keep the others waiting. */
export const postponeDoomed = async (
  sql: Sql,
  { tenant, erasure, kind, sha256 }: DoomedObject,
  forMs: number,
): Promise<void> => {
  await sql.rows(POSTPONE, [tenant, erasure, kind, sha256, forMs / 1000])
}

const HAS_OPEN = {
  name: 'erased_has_open',
  text: `select exists (select 1 from erasure_object where tenant_id = $1 and state in ('NAMED', 'DOOMED') and (erasure_id = $2
           or erasure_id in (select erasure_id from erasure where tenant_id = $1 and asset_id = $3))) as open`,
}

/** Of an asset nothing is left only when nothing is left of its versions that were erased before. */

export const hasOpenObjects = async (
  tx: Sql,
  { tenant, id, asset, version }: Pick<Erasure, 'tenant' | 'id' | 'asset' | 'version'>,
): Promise<boolean> =>
  (await tx.rows<{ open: boolean }>(HAS_OPEN, [tenant, id, version === null ? asset : null]))[0]?.open ?? true
