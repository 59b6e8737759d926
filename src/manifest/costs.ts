/** What the steps of the graph were measured to cost, by engine line and class of machine. */
import type { Hex } from '../model/ids.ts'
import type { Sql } from './database.ts'

export interface CostPlace {
  readonly engine: string
  readonly machine: string
}

/** Of this very machine; else the newest of its engine, for a gateway beside workers of another kind. */
const FIND = {
  name: 'cost_factors_find',
  text: `select machine, factors, measured_at as "measuredAt" from cost_factor where engine = $1 and factors is not null
         order by machine = $2 desc, measured_at desc limit 1`,
}

export interface MeasuredFactors {
  readonly machine: string
  readonly factors: Readonly<Record<string, unknown>>
  readonly measuredAt: Date
}

export const findFactors = async (sql: Sql, { engine, machine }: CostPlace): Promise<MeasuredFactors | undefined> =>
  (await sql.rows<MeasuredFactors>(FIND, [engine, machine]))[0]

const LIST = {
  name: 'cost_factors_list',
  text: `select machine, factors, measured_at as "measuredAt", coalesce(requested_at > coalesce(measured_at, '-infinity'), false) as pending
         from cost_factor where engine = $1 order by machine`,
}

export const listFactors = (sql: Sql, engine: string) =>
  sql.rows<{
    machine: string
    factors: Readonly<Record<string, number>> | null
    measuredAt: Date | null
    pending: boolean
  }>(LIST, [engine])

const REQUEST = {
  name: 'cost_factors_request',
  text: 'update cost_factor set requested_at = now(), begun_at = null where engine = $1 and factors is not null',
}
const REQUEST_FIRST = {
  name: 'cost_factors_request_first',
  text: `insert into cost_factor (engine, machine, requested_at) values ($1, $2, now())
         on conflict (engine, machine) do update set requested_at = now(), begun_at = null`,
}

/** Has every class of machine that has been measured measured again, and this one in any case. */
export const requestFactors = async (sql: Sql, { engine, machine }: CostPlace): Promise<void> => {
  await sql.rows(REQUEST, [engine])
  await sql.rows(REQUEST_FIRST, [engine, machine])
}

const IS_DUE = {
  name: 'cost_factors_due',
  text: `select factors is null as first, requested_at > coalesce(measured_at, '-infinity') as requested from cost_factor
         where engine = $1 and machine = $2`,
}

/** Nothing is stored, or somebody has asked since. */
export const factorsDue = async (sql: Sql, { engine, machine }: CostPlace): Promise<'no' | 'first' | 'requested'> => {
  const [row] = await sql.rows<{ first: boolean; requested: boolean | null }>(IS_DUE, [engine, machine])
  if (row?.requested) return 'requested'
  return row === undefined || row.first ? 'first' : 'no'
}

/** One worker of a class measures at a time. */
const BEGIN = {
  name: 'cost_factors_begin',
  text: `insert into cost_factor as f (engine, machine, begun_at) values ($1, $2, now())
         on conflict (engine, machine) do update set begun_at = now()
         where f.begun_at is null or f.begun_at < now() - interval '1 minute' returning 1`,
}

export const beginFactors = async (sql: Sql, { engine, machine }: CostPlace): Promise<boolean> =>
  (await sql.rows(BEGIN, [engine, machine])).length > 0

const STORE = {
  name: 'cost_factors_store',
  text: `update cost_factor set factors = $3, measured_at = now(), begun_at = null where engine = $1 and machine = $2`,
}

export const storeFactors = async (
  sql: Sql,
  { engine, machine }: CostPlace,
  factors: Readonly<Record<string, number>>,
): Promise<void> => {
  await sql.rows(STORE, [engine, machine, JSON.stringify(factors)])
}

const FOUND_BY = {
  name: 'nodes_found_by_version',
  text: `select distinct encode(n.node_id, 'hex') as key from leaf l
         join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id and n.created_at < l.created_at
         where l.tenant_id = $1 and l.asset_id = $2 and l.version = $3`,
}

/** Nodes that were planned before the version asked for them: of an equal original, or of another product. */
export const nodesFoundBy = async (
  sql: Sql,
  tenant: string,
  asset: string,
  version: number,
): Promise<ReadonlySet<Hex>> =>
  new Set((await sql.rows<{ key: Hex }>(FOUND_BY, [tenant, asset, version])).map(({ key }) => key))
