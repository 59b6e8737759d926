/**
 * Any number of assets, as uploads and workers would have left them: the rows that one real asset has, with other ids, digests
 * and times. What the program writes is copied and not described here, so that nothing has to follow when it writes otherwise.
 *
 * Ages differ: ten thousand a day, the last as young as the one that is copied. Rows of an asset lie beside each other, in the order of
 * their making; indexes are there meanwhile, so that their sizes are those of a life and not of a fresh build. Left out: answers kept
 * for repeated requests (a day's worth, whatever the number of assets), the chain of the audit (the sweep makes it), and objects.
 */
import pg from 'pg'

export interface FillOptions {
  readonly connection: pg.ClientConfig | string
  /** Complete: published, made, looked at. */
  readonly template: string
  /** Numbers of the assets to make: from, and up to but without. */
  readonly from?: number
  readonly count: number
  /** As many as there will be in the end; the last of them is the youngest. */
  readonly total?: number
  readonly onProgress?: (done: number) => void
}

/** How ids follow from numbers. */
export interface Numbering {
  readonly firstMs: number
}

const STEP_MS = 8_640
const CHUNK = 10_000

const hexTime = (ms: number): string => ms.toString(16).padStart(12, '0')

/** A UUIDv7 of its time. */
export const assetIdAt = ({ firstMs }: Numbering, index: number): string => {
  const time = hexTime(firstMs + index * STEP_MS)
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${String(index).padStart(12, '0')}`
}

/** Rows of an asset, table by table; $1 is its id. */
const VERSIONS = 'select tenant_id, sha256 from asset_version where asset_id = $1'
const NODES = 'select l.tenant_id, l.node_id from leaf l where l.asset_id = $1 and l.node_id is not null'
const OUTPUTS = `select tenant_id, output from node where (tenant_id, node_id) in (${NODES})`
const ROWS: readonly (readonly [table: string, where: string])[] = [
  ['original', `(tenant_id, sha256) in (${VERSIONS})`],
  ['original_look', `(tenant_id, sha256) in (${VERSIONS})`],
  ['original_metadata', `(tenant_id, sha256) in (${VERSIONS})`],
  ['asset', 'asset_id = $1'],
  ['asset_alias', 'asset_id = $1'],
  ['asset_search', 'asset_id = $1'],
  ['asset_term', 'asset_id = $1'],
  ['asset_version', 'asset_id = $1'],
  ['publication', 'asset_id = $1'],
  ['derivative', `(tenant_id, sha256) in (${OUTPUTS})`],
  ['node', `(tenant_id, node_id) in (${NODES})`],
  ['leaf', 'asset_id = $1'],
  ['event', 'asset_id = $1'],
  ['audit', `resource like '%' || $1::text || '%'`],
]

interface Column {
  readonly name: string
  readonly type: string
}

interface Copied {
  readonly table: string
  readonly columns: readonly Column[]
  /** Every value as Postgres spells it. */
  readonly rows: readonly (readonly (string | null)[])[]
}

const COLUMNS = `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
  where attrelid = $1::regclass and attnum > 0 and not attisdropped and attidentity = '' and attgenerated = '' order by attnum`

const ORDER: Readonly<Record<string, string>> = { event: 'asset_event_no', audit: 'at' }

const readTemplate = async (client: pg.Client, asset: string): Promise<Copied[]> => {
  const copied: Copied[] = []
  for (const [table, where] of ROWS) {
    const { rows: columns } = await client.query<Column>(COLUMNS, [table])
    const order = ORDER[table] ?? '1'
    const text = `select ${columns.map(({ name }) => `"${name}"::text`).join(', ')} from ${table} t where ${where} order by ${order === '1' ? 1 : `t.${order}`}`
    const { rows } = await client.query({ text, values: [asset], rowMode: 'array' })
    if (
      rows.length === 0 &&
      !['audit', 'original_look', 'original_metadata', 'asset_alias', 'asset_term'].includes(table)
    )
      throw new Error(`Expected a complete asset but ${asset} has no rows in ${table}`)
    copied.push({ table, columns, rows })
  }
  return copied
}

const DIGEST = /^\\x([0-9a-f]{64})$/

/** Digests that are the asset's own: of originals, nodes and outputs, not of recipes or chains. */
const digestsOf = (copied: readonly Copied[]): string[] => {
  const own = copied.filter(({ table }) => ['original', 'derivative', 'node'].includes(table))
  const found = own.flatMap(({ columns, rows }) =>
    rows.flatMap(row =>
      row.flatMap((value, at) => (columns[at]?.type === 'bytea' && DIGEST.exec(value ?? '')?.[1]) || []),
    ),
  )
  return [...new Set(found)]
}

const quoted = (text: string): string => pg.escapeLiteral(text)

/** `ids` has a row for each asset: `a` its id, `h0` and on its digests in hexadecimal, `d0` and on as bytes, `stamp` what its UUIDs begin with. */
const expressionOf = (
  value: string | null,
  { name, type }: Column,
  asset: string,
  digests: readonly string[],
): string => {
  if (value === null) return `null::${type}`
  if (name === 'event_id' || name === 'audit_id') return `overlay(gen_random_uuid()::text placing stamp from 1)::uuid`
  if (type.startsWith('timestamp')) return `(${quoted(value)}::${type} - age)::${type}`
  if (type === 'uuid' && value === asset) return 'a'
  const whole = type === 'bytea' ? digests.indexOf(value.slice(2)) : -1
  if (whole >= 0) return `d${whole}`
  const needles = digests.flatMap(hex => [`${hex.slice(0, 2)}/${hex}`, hex])
  const parts = value.split(new RegExp(`(${[asset, ...needles].join('|')})`))
  if (parts.length === 1) return `${quoted(value)}::${type}`
  const spelled = parts.map((part, at) => {
    if (at % 2 === 0) return quoted(part)
    if (part === asset) return 'a::text'
    const digest = `h${digests.indexOf(part.slice(-64))}`
    return part.length > 64 ? `left(${digest}, 2) || '/' || ${digest}` : digest
  })
  return `(${spelled.join(' || ')})::${type}`
}

/** One statement a table: the rows of each asset together. */
const insertOf = ({ table, columns, rows }: Copied, asset: string, digests: readonly string[]): string => {
  const names = columns.map(({ name }) => `"${name}"`).join(', ')
  const values = rows.map((row, place) => {
    const cells = columns.map((column, at) => {
      if (table === 'event' && column.name === 'seq') return `seq + ${place}`
      // The place in the chain is given by who chains.
      if (table === 'audit' && ['audit_no', 'prev_hash', 'hash'].includes(column.name)) return `null::${column.type}`
      return expressionOf(row[at] ?? null, column, asset, digests)
    })
    return `(${cells.join(', ')})`
  })
  return `insert into ${table} (${names}) select r.* from ids cross join lateral (values ${values.join(', ')}) as r order by n`
}

interface Chunk {
  readonly first: number
  readonly until: number
  /** The number of its first event. */
  readonly seq: number
}

const idsOf = (
  { first, until, seq }: Chunk,
  { firstMs, lastMs, events, digests }: { firstMs: number; lastMs: number; events: number; digests: readonly string[] },
): string => `
  create temp table ids on commit drop as
  select n, (${lastMs} - ${firstMs} - n * ${STEP_MS}) * interval '1 millisecond' as age, ${seq} + (n - ${first}) * ${events} as seq,
         left(t, 8) || '-' || right(t, 4) || '-7' as stamp,
         (left(t, 8) || '-' || right(t, 4) || '-7000-8000-' || lpad(n::text, 12, '0'))::uuid as a
         ${digests.map((_, at) => `, d${at}, encode(d${at}, 'hex') as h${at}`).join('')}
  from generate_series(${first}::bigint, ${until - 1}) as n,
       lateral (select lpad(to_hex(${firstMs} + n * ${STEP_MS}), 12, '0') as t) t
       ${digests.map((hex, at) => `, lateral (select sha256(convert_to('${hex}' || n, 'UTF8')) as d${at}) x${at}`).join('')}`

/** Needs a superuser: triggers and foreign keys do not look at what is copied. Resolves with how to name the assets. */
export const insertManyAssets = async (options: FillOptions): Promise<Numbering> => {
  const { connection, template, from = 0, count, total = from + count, onProgress } = options
  const client = new pg.Client(connection as pg.ClientConfig)
  await client.connect()
  try {
    const copied = await readTemplate(client, template)
    const digests = digestsOf(copied)
    const events = copied.find(({ table }) => table === 'event')?.rows.length ?? 0
    const lastMs = Number.parseInt(template.replace('-', '').slice(0, 12), 16)
    const firstMs = lastMs - total * STEP_MS
    const inserts = copied.filter(({ rows }) => rows.length > 0).map(each => insertOf(each, template, digests))
    await client.query(`set session_replication_role = replica`)
    await client.query('set synchronous_commit = off')
    for (let first = from; first < from + count; first += CHUNK) {
      const until = Math.min(first + CHUNK, from + count)
      await client.query('begin')
      const numbers = (until - first) * events
      const { rows } = await client.query(`update event_head set seq = seq + $1 returning seq`, [numbers])
      const start = Number(rows[0]?.seq) - numbers + 1
      await client.query(idsOf({ first, until, seq: start }, { firstMs, lastMs, events, digests }))
      for (const text of inserts) await client.query(text)
      await client.query('commit')
      onProgress?.(until)
    }
    await client.query(COUNT_ORIGINALS, [template, count])
    return { firstMs }
  } finally {
    // Postgres counts what a session has written when it ends, at the latest.
    await client.end()
  }
}

/** What the trigger on originals would have added up. */
const COUNT_ORIGINALS = `insert into stored_original as s (tenant_id, product_id, slot, originals, bytes)
  select o.tenant_id, o.product_id, 0, $2::bigint * count(*), $2::bigint * sum(o.byte_length) from original o
  where (o.tenant_id, o.sha256) in (${VERSIONS}) group by 1, 2
  on conflict (tenant_id, product_id, slot) do update set originals = s.originals + excluded.originals, bytes = s.bytes + excluded.bytes`
