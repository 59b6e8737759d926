/**
 * Looks of originals: wanted from the moment an image is stored (migration 0009), made once, never changed. Beginning one counts
 * as a try, so that an image which kills its decoder and its worker with it is left alone too.
 */
import type { Hex } from '../model/ids.ts'
import { type Look, type LookState, MAX_LOOKS, type Swatch } from '../model/look.ts'
import type { Sql } from './database.ts'

/** Longer than a look takes and shorter than anyone minds. */
const AGAIN_AFTER_S = 60

const CLAIM = {
  name: 'look_claim',
  text: `update original_look set tries = tries + 1, not_before = now() + make_interval(secs => ${AGAIN_AFTER_S})
         where tenant_id = $1 and sha256 = decode($2, 'hex') and made_at is null and tries < ${MAX_LOOKS}
           and (tries = 0 or not_before <= now()) returning 1`,
}

/** True: it is this worker's to make, now. For who has the original at hand. */
export const claimLook = async (sql: Sql, tenant: string, sha256: Hex): Promise<boolean> =>
  (await sql.rows(CLAIM, [tenant, sha256])).length > 0

const WANTED = {
  name: 'looks_wanted',
  text: `select tenant_id as tenant, encode(sha256, 'hex') as sha256 from original_look
         where made_at is null and tries < ${MAX_LOOKS} and not_before <= now() order by not_before limit $1`,
}

/** Originals that nobody has looked at in all the time that their renditions could have taken. */
export const wantedLooks = (sql: Sql, limit: number): Promise<{ tenant: string; sha256: Hex }[]> =>
  sql.rows<{ tenant: string; sha256: Hex }>(WANTED, [limit])

const PUT = {
  name: 'look_put',
  text: `update original_look set thumbhash = decode($3, 'base64'), colour = $4, palette = $5, made_at = now()
         where tenant_id = $1 and sha256 = decode($2, 'hex') and made_at is null`,
}

export const putLook = async (
  sql: Sql,
  tenant: string,
  sha256: Hex,
  { thumbhash, colour, palette }: Look & { readonly palette: readonly Swatch[] },
): Promise<void> => {
  const swatches = palette.map(swatch => `${swatch.colour} ${swatch.share.toFixed(3)}`).join(',')
  await sql.rows(PUT, [tenant, sha256, thumbhash, colour, swatches || null])
}

export const readPaletteColumn = (text: string | null): readonly Swatch[] =>
  (text?.split(',') ?? []).map(swatch => {
    const [colour = '', share] = swatch.split(' ')
    return { colour, share: Number(share) }
  })

const ABANDON = {
  name: 'look_abandon',
  text: `update original_look set tries = ${MAX_LOOKS}, not_before = now()
         where tenant_id = $1 and sha256 = decode($2, 'hex') and made_at is null`,
}

/** The same bytes will not look any better another time. */
export const abandonLook = async (sql: Sql, tenant: string, sha256: Hex): Promise<void> => {
  await sql.rows(ABANDON, [tenant, sha256])
}

const GIVE_BACK = {
  name: 'look_give_back',
  text: `update original_look set tries = tries - 1
         where tenant_id = $1 and sha256 = decode($2, 'hex') and made_at is null and tries > 0`,
}

/** It was not the image that failed. Tried again when another would be. */
export const giveBackLook = async (sql: Sql, tenant: string, sha256: Hex): Promise<void> => {
  await sql.rows(GIVE_BACK, [tenant, sha256])
}

/** Of a row of `original_look`, or of none, as text without separators of ours. The grace is that of a look in hand. */
export const lookColumn = (table: string): string =>
  `case when ${table}.made_at is not null then encode(${table}.thumbhash, 'base64') || ' ' || ${table}.colour
     when ${table}.tries < ${MAX_LOOKS} or ${table}.not_before > now() then 'pending' end`

export const readLookColumn = (text: string | null | undefined): LookState => {
  if (!text) return undefined
  const [thumbhash = '', colour] = text.split(' ')
  return colour === undefined ? 'pending' : { thumbhash, colour }
}
