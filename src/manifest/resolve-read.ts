/**
 * Everything that an answer to "which URL?" depends on, in one statement: the caller's key, the asset and its pointer, the
 * edge, the rendition and the state of its leaves. It reads the primary, so a resolve that starts after a publish committed
 * sees it, on any gateway, and a revoked key or grant ends at once. Reads of one event-loop turn share the statement.
 */
import { gather } from '../lib/gather.ts'
import type { VersionState } from '../model/asset.ts'
import type { Hex } from '../model/ids.ts'
import type { Derivative, NodeState } from '../model/node.ts'
import type { Delivery, Edge, Principal, Role, Scope } from '../model/product.ts'
import type { Format } from '../model/recipe.ts'
import type { Database } from './database.ts'

export interface ResolveKey {
  /** Tenant of callers without a key. */
  readonly tenant: string
  /** SHA-256 of the presented secret; `undefined` for anonymous callers. */
  readonly secretHash: Hex | undefined
  readonly product: string
  readonly asset: string
  /** `undefined`: the current one. */
  readonly version: number | undefined
  /** The reserved name `original` reads the original instead of leaves. */
  readonly rendition: string
  /** Also count the other products that share each node. */
  readonly countSharers: boolean
}

export interface ResolvedLeaf {
  readonly format: Format
  readonly required: boolean
  readonly node: Hex | undefined
  readonly state: NodeState | 'REFUSED'
  readonly failure: string | undefined
  readonly derivative: Derivative | undefined
  readonly sharedWith: number
}

export interface ResolveFacts {
  /** `undefined`: the key is unknown, revoked or expired. */
  readonly principal: Principal | undefined
  readonly asset:
    | {
        readonly collection: string
        readonly activeVersion: number | undefined
        readonly publication: number
        readonly archived: boolean
        /** State of the newest version, where none has been published. */
        readonly newest: VersionState | undefined
      }
    | undefined
  readonly edge: Edge | undefined
  readonly version:
    | {
        readonly version: number
        readonly state: VersionState
        readonly filename: string | undefined
        readonly original:
          | { readonly sha256: Hex; readonly bytes: number; readonly mediaType: string; readonly objectKey: string }
          | undefined
      }
    | undefined
  readonly rendition: { readonly revision: number } | undefined
  /** In the product's order of preference; empty when the rendition has not been planned for this version. */
  readonly leaves: readonly ResolvedLeaf[]
}

const RESOLVE = {
  name: 'resolve',
  text: `select q.ord::int, k.key_id, k.tenant_id, k.product_id, k.scopes,
                a.collection_id, a.active_version, a.publication_no, a.archived_at is not null,
                e.role, e.original_access, e.visibility, e.delivery, e.expires_at,
                v.version, v.state, v.filename, encode(v.sha256, 'hex'), o.byte_length, o.media_type, o.object_key,
                r.revision,
                l.format, l.required, encode(l.node_id, 'hex'), n.state, coalesce(n.failure ->> 'code', l.refusal ->> 'code'),
                encode(d.sha256, 'hex'), d.byte_length, d.media_type, d.width, d.height, d.object_key,
                case when q.sharers then (select count(distinct s.product_id)::int - 1 from leaf s where s.tenant_id = l.tenant_id and s.node_id = l.node_id) end,
                case when a.active_version is null then
                  (select u.state from asset_version u where u.tenant_id = a.tenant_id and u.asset_id = a.asset_id order by u.version desc limit 1) end
         from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::int[], $6::text[], $7::boolean[])
           with ordinality as q (tenant, secret, product, asset, version, rendition, sharers, ord)
         left join api_key k on k.secret_hash = decode(q.secret, 'hex') and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
         left join asset a on a.tenant_id = coalesce(k.tenant_id, q.tenant) and a.asset_id = q.asset
         left join edge e on e.tenant_id = a.tenant_id and e.collection_id = a.collection_id and e.product_id = q.product
         left join asset_version v on v.tenant_id = a.tenant_id and v.asset_id = a.asset_id and v.version = coalesce(q.version, a.active_version)
         left join original o on o.tenant_id = v.tenant_id and o.sha256 = v.sha256 and q.rendition = 'original'
         left join rendition r on r.tenant_id = a.tenant_id and r.collection_id = a.collection_id and r.product_id = q.product
           and r.name = q.rendition and r.state = 'active'
         left join leaf l on l.tenant_id = v.tenant_id and l.asset_id = v.asset_id and l.version = v.version
           and l.product_id = r.product_id and l.rendition = r.name and l.revision = r.revision
         left join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id
         left join derivative d on d.tenant_id = n.tenant_id and d.sha256 = n.output
         order by q.ord, l.position`,
}

type Row = [
  ord: number,
  keyId: string | null,
  tenant: string,
  product: string | null,
  scopes: Scope[],
  collection: string | null,
  active: number | null,
  publication: number,
  archived: boolean,
  role: Role | null,
  originalAccess: boolean,
  visibility: 'private' | 'public',
  delivery: Delivery,
  expiresAt: Date | null,
  version: number | null,
  versionState: VersionState,
  filename: string | null,
  sha256: Hex | null,
  originalBytes: number | null,
  originalType: string,
  originalKey: string,
  revision: number | null,
  format: Format | null,
  required: boolean,
  node: Hex | null,
  nodeState: NodeState | null,
  failure: string | null,
  output: Hex | null,
  bytes: number,
  mediaType: string,
  width: number,
  height: number,
  objectKey: string,
  sharers: number | null,
  newest: VersionState | null,
]

const leafOf = (row: Row): ResolvedLeaf | undefined => {
  const [format, required, node, state, failure, output, bytes, mediaType, width, height, objectKey, sharers] =
    row.slice(22) as [
      Row[22],
      Row[23],
      Row[24],
      Row[25],
      Row[26],
      Row[27],
      Row[28],
      Row[29],
      Row[30],
      Row[31],
      Row[32],
      Row[33],
    ]
  if (format === null) return undefined
  return {
    format,
    required,
    node: node ?? undefined,
    state: state ?? 'REFUSED',
    failure: failure ?? undefined,
    derivative: output === null ? undefined : { sha256: output, bytes, mediaType, width, height, objectKey },
    sharedWith: sharers ?? 0,
  }
}

const factsOf = (row: Row, productAsked: string): Omit<ResolveFacts, 'leaves'> => {
  const [, keyId, tenant, product, scopes, collection, active, publication, archived] = row
  const [role, originalAccess, visibility, delivery, expiresAt] = [row[9], row[10], row[11], row[12], row[13]]
  const [version, state, filename, sha256, bytes, mediaType, objectKey, revision] = [
    row[14],
    row[15],
    row[16],
    row[17],
    row[18],
    row[19],
    row[20],
    row[21],
  ]
  return {
    principal: keyId === null ? undefined : { tenant, keyId, product: product ?? undefined, scopes },
    asset:
      collection === null
        ? undefined
        : { collection, activeVersion: active ?? undefined, publication, archived, newest: row[34] ?? undefined },
    edge:
      role === null
        ? undefined
        : { product: productAsked, role, originalAccess, visibility, delivery, expiresAt: expiresAt ?? undefined },
    version:
      version === null
        ? undefined
        : {
            version,
            state,
            filename: filename ?? undefined,
            original: sha256 === null || bytes === null ? undefined : { sha256, bytes, mediaType, objectKey },
          },
    rendition: revision === null ? undefined : { revision },
  }
}

/** Reads are gathered: at most two statements are in flight, each for up to 256 callers. */
export const resolveReader = (database: Database): ((key: ResolveKey) => Promise<ResolveFacts>) =>
  gather<ResolveKey, ResolveFacts>({
    read: async keys => {
      const rows = (await database.hotRows(RESOLVE, [
        keys.map(key => key.tenant),
        keys.map(key => key.secretHash ?? null),
        keys.map(key => key.product),
        keys.map(key => key.asset),
        keys.map(key => key.version ?? null),
        keys.map(key => key.rendition),
        keys.map(key => key.countSharers),
      ])) as Row[]
      const answers: (ResolveFacts & { leaves: ResolvedLeaf[] })[] = []
      for (const row of rows) {
        const index = row[0] - 1
        answers[index] ??= { ...factsOf(row, keys[index]?.product ?? ''), leaves: [] }
        const leaf = leafOf(row)
        if (leaf) answers[index].leaves.push(leaf)
      }
      return answers
    },
  })
