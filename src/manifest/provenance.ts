/** Where the bytes of a version come from, and what was made of them. */

import type { IdentityHints } from '../model/identity-hints.ts'
import type { Hex } from '../model/ids.ts'
import type { NodeState } from '../model/node.ts'
import type { Entrance, Provenance, Trust } from '../model/source.ts'
import type { Sql } from './database.ts'
import { eraseSourceEvents } from './source-events.ts'

interface Named {
  readonly tenant: string
  readonly asset: string
  readonly version: number
}

const INSERT = {
  name: 'provenance_insert',
  text: `insert into provenance (tenant_id, asset_id, version, source, trust, hints) values ($1, $2, $3, $4, $5, $6)
         on conflict (tenant_id, asset_id, version) do update set source = excluded.source, trust = excluded.trust, hints = excluded.hints`,
}

/** Postgres holds no NUL and no half of a character. */
const storable = (value: unknown): unknown => {
  if (typeof value === 'string') return value.replace(/[\0\p{Cs}]/gu, '')
  if (Array.isArray(value)) return value.map(storable)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, held]) => [storable(name), storable(held)]))
}

/** In the transaction that makes the version. */
export const insertProvenance = async (tx: Sql, named: Named, { source, trust, hints }: Provenance): Promise<void> => {
  await tx.rows(INSERT, [named.tenant, named.asset, named.version, source, trust, JSON.stringify(storable(hints))])
}

const INSERT_IDENTITY = {
  name: 'provenance_insert_identity',
  text: `insert into provenance (tenant_id, asset_id, version, trust, identity_hints) values ($1, $2, $3, $4, $5)`,
}

/** Beside what the entrance knows, which may come after it, in the same transaction. */
export const insertIdentityHints = async (
  tx: Sql,
  named: Named,
  { trust, identityHints }: { trust: Trust; identityHints: IdentityHints },
): Promise<void> => {
  const { tenant, asset, version } = named
  await tx.rows(INSERT_IDENTITY, [tenant, asset, version, trust, JSON.stringify(identityHints)])
}

const ERASE = {
  name: 'provenance_erase',
  text: `delete from provenance where tenant_id = $1 and asset_id = $2 and ($3::int is null or version = $3)`,
}

/** Of an asset that is erased, or of one version of it. */
export const eraseProvenance = async (
  tx: Sql,
  { tenant, asset, version }: Omit<Named, 'version'> & { readonly version: number | null },
): Promise<void> => {
  await tx.rows(ERASE, [tenant, asset, version])
  await eraseSourceEvents(tx, { tenant, asset, version })
}

/** Workers hash what they read of an original, and stop where it is not that: whatever was made of it last has seen it whole. */
const ORIGIN = {
  name: 'provenance_origin',
  text: `select v.entrance, v.source_ref as ref, v.created_by as by, v.created_at as at, v.filename, encode(v.sha256, 'hex') as sha256,
                o.byte_length as bytes, o.media_type as "mediaType", o.stored_at as "storedAt", p.source, p.trust, p.hints, p.identity_hints as "identityHints",
                (select max(n.finished_at) from node n
                 where n.tenant_id = v.tenant_id and n.original = v.sha256 and n.state = 'DONE') as "readAt",
                (select m.found_at from original_mismatch m where m.tenant_id = v.tenant_id and m.sha256 = v.sha256) as "mismatchAt"
         from asset_version v
         left join original o on o.tenant_id = v.tenant_id and o.sha256 = v.sha256
         left join provenance p on p.tenant_id = v.tenant_id and p.asset_id = v.asset_id and p.version = v.version
         where v.tenant_id = $1 and v.asset_id = $2 and v.version = $3`,
}

export interface Origin {
  readonly entrance: Entrance
  readonly ref: string | null
  readonly by: string
  readonly at: Date
  readonly filename: string | null
  /** `null` where the bytes are gone. */
  readonly sha256: Hex | null
  readonly bytes: number | null
  readonly mediaType: string | null
  readonly storedAt: Date | null
  readonly source: string | null
  readonly trust: Trust | null
  readonly hints: Readonly<Record<string, unknown>> | null
  readonly identityHints: IdentityHints | null
  readonly readAt: Date | null
  /** Other bytes were found under its key then. */
  readonly mismatchAt: Date | null
}

export const findOrigin = async (sql: Sql, { tenant, asset, version }: Named): Promise<Origin | undefined> =>
  (await sql.rows<Origin>(ORIGIN, [tenant, asset, version]))[0]

const LINEAGE = {
  name: 'provenance_lineage',
  text: `select l.product_id as product, l.rendition, l.revision, l.format, encode(n.node_id, 'hex') as node, n.state, n.chain, n.executions,
                n.finished_at as "finishedAt", encode(d.sha256, 'hex') as sha256, d.byte_length as bytes, d.media_type as "mediaType",
                encode(n.original, 'hex') as original,
                array(select encode(i.original, 'hex') from node_input i
                      where i.tenant_id = n.tenant_id and i.node_id = n.node_id order by i.original) as others
         from leaf l join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id
         left join derivative d on d.tenant_id = n.tenant_id and d.sha256 = n.output
         where l.tenant_id = $1 and l.asset_id = $2 and l.version = $3 and ($4::text is null or l.product_id = $4)
         order by l.product_id, l.rendition, l.revision, l.position`,
}

export interface Descent {
  readonly product: string
  readonly rendition: string
  readonly revision: number
  readonly format: string
  readonly node: Hex
  readonly state: NodeState
  readonly chain: string
  readonly executions: number
  readonly finishedAt: Date | null
  readonly sha256: Hex | null
  readonly bytes: number | null
  readonly mediaType: string | null
  readonly original: Hex
  /** Originals that are laid on it. */
  readonly others: readonly Hex[]
}

/** Of every node that the version asks for; `product`: only of its own names. */
export const findLineage = (
  sql: Sql,
  { tenant, asset, version, product }: Named & { readonly product: string | undefined },
): Promise<Descent[]> => sql.rows<Descent>(LINEAGE, [tenant, asset, version, product ?? null])
