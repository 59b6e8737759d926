import { refuse } from '../model/errors.ts'
import type { Issuer, IssuerEdition, IssuerSubject, TokenAlgorithm } from '../model/issuer.ts'
import type { Scope } from '../model/principal.ts'
import { type Database, type Sql, sqlState } from './database.ts'

interface Row {
  readonly tenant_id: string
  readonly name: string
  readonly iss: string
  readonly audience: string
  readonly jwks_uri: string
  readonly algorithms: TokenAlgorithm[]
  readonly claim: string
  readonly edition: number
  readonly subjects: { value: string; product: string | null; scopes: Scope[] }[]
}

const COLUMNS = `i.tenant_id, i.name, i.iss, i.audience, i.jwks_uri, i.algorithms, i.claim, i.edition,
  (select coalesce(jsonb_agg(jsonb_build_object('value', s.value, 'product', s.product_id, 'scopes', s.scopes)), '[]')
   from issuer_subject s where s.tenant_id = i.tenant_id and s.name = i.name) as subjects`

/** In one order, so that the same issuer has the same tag. */
export const bySubject = (one: { value: string }, other: { value: string }): number =>
  one.value < other.value ? -1 : one.value > other.value ? 1 : 0

const toIssuer = (row: Row): IssuerEdition => {
  const { tenant_id: tenant, name, iss, audience, jwks_uri: jwksUri, algorithms, claim, edition } = row
  const subjects = row.subjects
    .map(({ value, product, scopes }): IssuerSubject => ({ value, product: product ?? undefined, scopes }))
    .sort(bySubject)
  return { tenant, name, iss, audience, jwksUri, algorithms, claim, edition, subjects }
}

const LIST = {
  name: 'issuer_list',
  text: `select ${COLUMNS} from issuer i where i.tenant_id = $1 order by i.name`,
}
const FIND = { name: 'issuer_find', text: `select ${COLUMNS} from issuer i where i.tenant_id = $1 and i.name = $2` }

export const listIssuers = async (sql: Sql, tenant: string): Promise<IssuerEdition[]> =>
  (await sql.rows<Row>(LIST, [tenant])).map(toIssuer)

export const findIssuer = async (sql: Sql, tenant: string, name: string): Promise<IssuerEdition | undefined> => {
  const [row] = await sql.rows<Row>(FIND, [tenant, name])
  return row && toIssuer(row)
}

const PUT = {
  name: 'issuer_put',
  text: `insert into issuer (tenant_id, name, iss, audience, jwks_uri, algorithms, claim) values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (tenant_id, name) do update set iss = excluded.iss, audience = excluded.audience, jwks_uri = excluded.jwks_uri,
           algorithms = excluded.algorithms, claim = excluded.claim, edition = excluded.edition`,
}
const CLEAR = { name: 'issuer_clear', text: 'delete from issuer_subject where tenant_id = $1 and name = $2' }
const FILL = {
  name: 'issuer_fill',
  text: `insert into issuer_subject (tenant_id, name, value, product_id, scopes)
         select $1, $2, s ->> 'value', s ->> 'product', array(select jsonb_array_elements_text(s -> 'scopes'))
         from jsonb_array_elements($3::jsonb) s`,
}

const UNIQUE_VIOLATION = '23505'

/** Creates or replaces, as a new edition. Throws `conflict` where another issuer, of whichever tenant, has the pair of iss and audience. */
export const putIssuer = async (tx: Sql, tenant: string, issuer: Issuer): Promise<void> => {
  const { name, iss, audience, jwksUri, algorithms, claim, subjects } = issuer
  try {
    await tx.rows(PUT, [tenant, name, iss, audience, jwksUri, algorithms, claim])
  } catch (error) {
    if (sqlState(error) !== UNIQUE_VIOLATION) throw error
    throw refuse('conflict', 'Another issuer has this iss and audience: a token could not say whose it is.')
  }
  await tx.rows(CLEAR, [tenant, name])
  await tx.rows(FILL, [tenant, name, JSON.stringify(subjects)])
}

const DELETE = { name: 'issuer_delete', text: 'delete from issuer where tenant_id = $1 and name = $2' }

export const deleteIssuer = async (tx: Sql, tenant: string, name: string): Promise<void> => {
  await tx.rows(DELETE, [tenant, name])
}

/** What a token says of itself. */
export interface TokenPair {
  readonly iss: string
  readonly audience: string
}

export interface IssuerStamp {
  readonly tenant: string
  readonly name: string
  readonly edition: number
  /** Of the tenant's matrix, in the same snapshot: as long as it is the same, so is the edition (migration 0015). */
  readonly matrixRevision: number
}

/** The pair says whose a token is, so the tenant is what is found, not what is asked by. */
const STAMPS = {
  name: 'issuer_stamps',
  text: `select q.ord::int, i.tenant_id, i.name, i.edition, coalesce(m.revision, 0)
         from unnest($1::text[], $2::text[]) with ordinality as q (iss, audience, ord)
         join issuer i on i.iss = q.iss and i.audience = q.audience
         left join matrix_revision m on m.tenant_id = i.tenant_id`,
}

type StampRow = [ord: number, tenant: string, name: string, edition: number, matrixRevision: number]

/** One statement for the tokens of many requests, in their order. */
export const readIssuerStamps = async (
  database: Database,
  pairs: readonly TokenPair[],
): Promise<(IssuerStamp | undefined)[]> => {
  const values = [pairs.map(({ iss }) => iss), pairs.map(({ audience }) => audience)]
  const stamps: (IssuerStamp | undefined)[] = pairs.map(() => undefined)
  for (const [ord, tenant, name, edition, matrixRevision] of (await database.hotRows(STAMPS, values)) as StampRow[])
    stamps[ord - 1] = { tenant, name, edition, matrixRevision }
  return stamps
}
