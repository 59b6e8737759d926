/**
 * What originals say of themselves: written with the original, read anew where another release wrote it, and begun again later
 * where its bytes could not be had. Whoever works may do it; twice is once.
 */
import type { Hex } from '../model/ids.ts'
import { BLOCKS, type Block, type Blocks, type IccProfile, type ReadBlocks } from '../model/reading.ts'
import type { Sql } from './database.ts'

interface Named {
  readonly tenant: string
  readonly sha256: Hex
}

/** Written by newer code: it stays. */
const PUT = {
  name: 'original_metadata_put',
  text: `insert into original_metadata as m (tenant_id, sha256, exif, iptc, xmp, sizes, icc, reading, normaliser, taken_at)
         values ($1, decode($2, 'hex'), $3, $4, $5, $6, $7, $8, $9, now())
         on conflict (tenant_id, sha256) do update set exif = excluded.exif, iptc = excluded.iptc, xmp = excluded.xmp, sizes = excluded.sizes,
           icc = excluded.icc, reading = excluded.reading, normaliser = excluded.normaliser, taken_at = excluded.taken_at, tries = 0
           where m.normaliser < excluded.normaliser`,
}

/** Blocks out of the bytes, and what was read of them. In the transaction that stores the original, or by a worker later. */
export const putBlocks = async (
  sql: Sql,
  { tenant, sha256 }: Named,
  { kept, sizes, icc }: Blocks,
  { read, normaliser }: { readonly read: ReadBlocks; readonly normaliser: number },
): Promise<void> => {
  await sql.rows(PUT, [
    tenant,
    sha256,
    ...BLOCKS.map(name => kept[name] ?? null),
    JSON.stringify(sizes),
    icc ? JSON.stringify(icc) : null,
    JSON.stringify(read),
    normaliser,
  ])
}

const READ_AGAIN = {
  name: 'original_metadata_read_again',
  text: `update original_metadata set reading = $3, normaliser = $4, tries = 0
         where tenant_id = $1 and sha256 = decode($2, 'hex') and normaliser < $4`,
}

/** Of blocks that were kept. */
export const putReading = async (
  sql: Sql,
  { tenant, sha256 }: Named,
  { read, normaliser }: { readonly read: ReadBlocks; readonly normaliser: number },
): Promise<void> => {
  await sql.rows(READ_AGAIN, [tenant, sha256, JSON.stringify(read), normaliser])
}

/** After so many the bytes are not asked for any more, until another release reads otherwise. */
const MAX_TRIES = 8
const AGAIN_AFTER_S = 60
/** In the text, for a plan that is made for any number scans. At most 3 MiB of blocks each. */
export const UNREAD_AT_ONCE = 8

/** Those that are not begun by another process, which has a while for it. */
const TAKE = {
  name: 'original_metadata_take',
  text: `with unread as (
           select tenant_id, sha256 from original_metadata
           where normaliser < $1 and not_before <= now() and tries < ${MAX_TRIES}
           order by normaliser, not_before limit ${UNREAD_AT_ONCE} for update skip locked)
         update original_metadata m set tries = m.tries + 1, not_before = now() + make_interval(secs => ${AGAIN_AFTER_S} * (m.tries + 1))
         from unread u where m.tenant_id = u.tenant_id and m.sha256 = u.sha256
         returning m.tenant_id as tenant, encode(m.sha256, 'hex') as sha256, m.taken_at is not null as taken, m.exif, m.iptc, m.xmp`,
}

export interface Unread extends Named {
  /** What is kept is all that there is; otherwise the bytes have to be read. */
  readonly taken: boolean
  readonly kept: Blocks['kept']
}

type Row = Named & { readonly taken: boolean } & Readonly<Record<Block, Buffer | null>>

export const takeUnread = async (sql: Sql, normaliser: number): Promise<Unread[]> =>
  (await sql.rows<Row>(TAKE, [normaliser])).map(({ tenant, sha256, taken, ...blocks }) => ({
    tenant,
    sha256,
    taken,
    kept: Object.fromEntries(BLOCKS.flatMap(name => (blocks[name] ? [[name, blocks[name]]] : []))),
  }))

const GIVE_BACK = {
  name: 'original_metadata_give_back',
  text: `update original_metadata set tries = tries - 1 where tenant_id = $1 and sha256 = decode($2, 'hex') and tries > 0`,
}

/** It was not begun after all. Tried again when another would be. */
export const giveBackUnread = async (sql: Sql, { tenant, sha256 }: Named): Promise<void> => {
  await sql.rows(GIVE_BACK, [tenant, sha256])
}

const FIND = {
  name: 'original_metadata_find',
  text: `select m.sizes, m.icc, m.reading, m.normaliser, l.palette,
                array_remove(array[case when m.exif is not null then 'exif' end, case when m.iptc is not null then 'iptc' end,
                                   case when m.xmp is not null then 'xmp' end], null) as kept
         from asset_version v
         join original_metadata m on m.tenant_id = v.tenant_id and m.sha256 = v.sha256
         left join original_look l on l.tenant_id = v.tenant_id and l.sha256 = v.sha256
         where v.tenant_id = $1 and v.asset_id = $2 and v.version = $3`,
}

export interface Metadata {
  readonly sizes: Blocks['sizes']
  readonly icc: IccProfile | null
  readonly reading: Partial<ReadBlocks>
  /** 0: not read yet. */
  readonly normaliser: number
  readonly palette: string | null
  readonly kept: readonly Block[]
}

interface VersionKey {
  readonly tenant: string
  readonly asset: string
  readonly version: number
}

/** `undefined` of what is no image. */
export const findMetadata = async (sql: Sql, { tenant, asset, version }: VersionKey): Promise<Metadata | undefined> =>
  (await sql.rows<Metadata>(FIND, [tenant, asset, version]))[0]

const FIND_BLOCK = {
  name: 'original_metadata_find_block',
  text: `select case $4 when 'exif' then m.exif when 'iptc' then m.iptc when 'xmp' then m.xmp end as bytes
         from asset_version v join original_metadata m on m.tenant_id = v.tenant_id and m.sha256 = v.sha256
         where v.tenant_id = $1 and v.asset_id = $2 and v.version = $3`,
}

export const findBlock = async (
  sql: Sql,
  { tenant, asset, version }: VersionKey,
  block: Block,
): Promise<Buffer | undefined> =>
  (await sql.rows<{ bytes: Buffer | null }>(FIND_BLOCK, [tenant, asset, version, block]))[0]?.bytes ?? undefined
