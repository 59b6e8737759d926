/**
 * Uploads in pieces. A row is OPEN until its version is committed (DONE, in the same transaction), its content is refused, it is
 * terminated, or its time is over; afterwards it only answers whoever asks again.
 *
 * There is no lock that a dead process could keep. Everybody who takes an upload up raises its fence; pieces count only under the
 * fence that they were begun with, at the offset where they begin. So two writers never interleave, whatever they know of each other.
 */
import type { ErrorOptions } from '../model/errors.ts'
import type { Sql } from './database.ts'

export interface Piece {
  readonly first: number
  readonly bytes: number
  readonly name: string
}

/** Which upload, as whoever took it up last knows it. */
export interface Held {
  readonly tenant: string
  readonly upload: string
  readonly fence: number
}

export interface TusRefusal extends Pick<ErrorOptions, 'violations' | 'details'> {
  readonly code: string
  readonly message: string
}

export interface TusAnswer {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

interface Common {
  readonly upload: string
  readonly wish: unknown
  readonly metadata: string
  readonly length: number
  readonly received: number
  readonly fence: number
  readonly isFinishing: boolean
  readonly createdAt: Date
  readonly expiresAt: Date
}
export type TusUpload = Common &
  (
    | { readonly state: 'OPEN' | 'EXPIRED'; readonly answer: null }
    | { readonly state: 'DONE'; readonly answer: TusAnswer }
    | { readonly state: 'REFUSED'; readonly answer: TusRefusal }
  )

const LOCK = {
  name: 'tus_lock',
  text: `select pg_advisory_xact_lock(hashtextextended('open tus uploads ' || $1 || '/' || $2, 0))`,
}
const BEGIN = {
  name: 'tus_begin',
  text: `insert into tus_upload (tenant_id, upload_id, principal, product_id, wish, metadata, length, expires_at)
         select $1, $2, $3, $4, $5, $6, $7, now() + make_interval(secs => $8)
         where (select count(*) from tus_upload where tenant_id = $1 and product_id = $4 and state = 'OPEN' and expires_at > now()) < $9
         returning created_at`,
}

export interface NewTusUpload {
  readonly tenant: string
  readonly upload: string
  readonly principal: string
  readonly product: string
  readonly wish: object
  readonly metadata: string
  readonly length: number
  readonly lifeSeconds: number
  readonly mostOpen: number
}

/** `undefined`: the product has as many open as it may. Until the commit nobody else of the product counts, so no two take the last place. */
export const beginTusUpload = async (tx: Sql, one: NewTusUpload): Promise<Date | undefined> => {
  const { tenant, upload, principal, product, wish, metadata, length, lifeSeconds, mostOpen } = one
  const values = [tenant, upload, principal, product, JSON.stringify(wish), metadata, length, lifeSeconds, mostOpen]
  await tx.rows(LOCK, [tenant, product])
  const [made] = await tx.rows<{ created_at: Date }>(BEGIN, values)
  return made?.created_at
}

const COLUMNS = `upload_id as upload, wish, metadata, length, received, fence, coalesce(finishing_until > now(), false) as "isFinishing",
  case when state = 'OPEN' and expires_at <= now() then 'EXPIRED' else state end as state, answer, created_at as "createdAt", expires_at as "expiresAt"`

const FIND = {
  name: 'tus_find',
  text: `select ${COLUMNS} from tus_upload where tenant_id = $1 and upload_id = $2 and principal = $3 and state <> 'TERMINATED'`,
}
/** Not away from somebody who is just storing the whole. */
const TAKE_UP = {
  name: 'tus_take_up',
  text: `update tus_upload set fence = fence + 1 where tenant_id = $1 and upload_id = $2 and principal = $3 and state = 'OPEN'
         and coalesce(finishing_until <= now(), true) returning ${COLUMNS}`,
}

export interface WhoseUpload {
  readonly tenant: string
  readonly principal: string
  readonly upload: string
}

export const findTusUpload = async (sql: Sql, { tenant, principal, upload }: WhoseUpload) =>
  (await sql.rows<TusUpload>(FIND, [tenant, upload, principal]))[0]

/** The same; of an open one, nobody who took it up before can add to it any more. */
export const takeUpTusUpload = async (sql: Sql, { tenant, principal, upload }: WhoseUpload) =>
  (await sql.rows<TusUpload>(TAKE_UP, [tenant, upload, principal]))[0] ??
  (await findTusUpload(sql, { tenant, principal, upload }))

const ADD = {
  name: 'tus_add_pieces',
  text: `with added as (
           select * from unnest($4::bigint[], $5::bigint[], $6::text[]) as p (first, bytes, name)),
         grown as (
           update tus_upload set received = received + (select sum(bytes) from added)
           where tenant_id = $1 and upload_id = $2 and fence = $3 and state = 'OPEN' and received = (select min(first) from added)
             and expires_at > now()
             and (select count(*) from tus_piece where tenant_id = $1 and upload_id = $2) + (select count(*) from added) <= $7
           returning 1)
         insert into tus_piece (tenant_id, upload_id, first, bytes, name)
         select $1, $2, first, bytes, name from added, grown returning 1`,
}

/** As many as S3 takes parts of an upload: the rows of one stay bounded, however small its pieces are. */
export const MOST_PIECES = 10_000

/** Neighbours, in order. False: somebody else has taken it up, or it is over; nothing was added. */
export const addTusPieces = async (sql: Sql, held: Held, pieces: readonly Piece[]): Promise<boolean> => {
  const columns = [pieces.map(({ first }) => first), pieces.map(({ bytes }) => bytes), pieces.map(({ name }) => name)]
  const { tenant, upload, fence } = held
  return (await sql.rows(ADD, [tenant, upload, fence, ...columns, MOST_PIECES])).length > 0
}

const PIECES = {
  name: 'tus_pieces',
  text: 'select first, bytes, name from tus_piece where tenant_id = $1 and upload_id = $2 order by first',
}

/** In order; together they are what was received. */
export const listTusPieces = (sql: Sql, { tenant, upload }: Omit<Held, 'fence'>): Promise<Piece[]> =>
  sql.rows<Piece>(PIECES, [tenant, upload])

const FINISHING_SECONDS = 10
const HELD = `upload_id = $2 and fence = $3 and state = 'OPEN'`
const FINISH = {
  name: 'tus_finish',
  text: `update tus_upload set finishing_until = now() + make_interval(secs => ${FINISHING_SECONDS}) where tenant_id = $1 and ${HELD} returning 1`,
}
const STOP = {
  name: 'tus_stop_finishing',
  text: `update tus_upload set finishing_until = null where tenant_id = $1 and ${HELD}`,
}

/** Nobody else takes it up meanwhile. To be said again within ten seconds. False: somebody has already. */
export const finishTusUpload = async (sql: Sql, { tenant, upload, fence }: Held): Promise<boolean> =>
  (await sql.rows(FINISH, [tenant, upload, fence])).length > 0

export const stopFinishing = async (sql: Sql, { tenant, upload, fence }: Held): Promise<void> => {
  await sql.rows(STOP, [tenant, upload, fence])
}

const END = {
  name: 'tus_end',
  text: `update tus_upload set state = $4, answer = $5, received = case when $4 = 'DONE' then length else received end,
           ended_at = now(), finishing_until = null where tenant_id = $1 and ${HELD} returning 1`,
}

/** False: it was not open any more, or is in other hands; whoever was about to commit something of it must not. */
export const endTusUpload = async (
  tx: Sql,
  { tenant, upload, fence }: Held,
  end:
    | { readonly state: 'DONE'; readonly answer: TusAnswer }
    | { readonly state: 'REFUSED'; readonly answer: TusRefusal }
    | { readonly state: 'TERMINATED' },
): Promise<boolean> => {
  const answer = 'answer' in end ? JSON.stringify(end.answer) : null
  return (await tx.rows(END, [tenant, upload, fence, end.state, answer])).length > 0
}
