/**
 * Everything that an answer to "which URL?" depends on, in one statement: the caller's key, the asset and its pointer, the
 * edge, the rendition and the state of its leaves. It reads the primary, so a resolve that starts after a publish committed
 * sees it, on any gateway, and a revoked key or grant ends at once. Reads of one event-loop turn share the statement.
 *
 * Measured, batches of 32 (CPU a key, of Postgres and of node): 35 columns 17.6 and 9.3 us, one JSON array 17.1 and 5.0,
 * two lines of separated text 15.2 and 2.6: a driver pays for each field, and characters of arrays one by one.
 */
import { gather } from '../lib/gather.ts'
import type { VersionState } from '../model/asset.ts'
import type { BrowserRules } from '../model/browser-rules.ts'
import type { NodeState } from '../model/node.ts'
import type { Principal, Scope } from '../model/principal.ts'
import type { Delivery, Edge, Role } from '../model/product.ts'
import type { Format } from '../model/recipe.ts'
import type { SigningKeyFacts } from '../model/signing-key.ts'
import type { Database } from './database.ts'
import { edgeJoins, edgesOf, epochMs, MEDIA_TYPE, SPECIAL } from './grounds.ts'
import { lookColumn, readLookColumn } from './looks.ts'
import type { ResolvedLeaf, ResolveFacts, ResolveKey } from './resolve-facts.ts'

export type { ResolvedLeaf, ResolveFacts, ResolveKey } from './resolve-facts.ts'

/** Stands in none of the values: they are names, numbers, digests and keys of ours; a file name has had its control characters removed. */
const SEPARATOR = '\x1f'

/** Columns as one line of text; `null` becomes empty, which none of them is otherwise. */
const line = (columns: readonly string[]): string =>
  `format('${columns.map(() => '%s').join(SEPARATOR)}', ${columns.join(', ')})`

/** One column, for few ask with either: four words are a signing key, three a share link. */
const LINK = `case when g.kid is not null then concat_ws(' ', g.kid, g.tenant_id, g.product_id, encode(g.secret, 'hex'))
  when h.share_id is not null then concat_ws(' ', h.share_id, h.tenant_id, h.product_id) end`

/** As a page says it for those who do not see the picture; of documents alone. Attributes may hold our separator. */
const ALT = `case when q.sharers and jsonb_typeof(a.attributes -> 'alt') = 'string'
  then left(replace(a.attributes ->> 'alt', '${SEPARATOR}', ' '), 1000) end`

/** One column, for few say anything: an origin has no space in it. */
const BROWSER = `case when w.client_hints or cardinality(w.origins) > 0 then concat_ws(' ', w.client_hints::int, array_to_string(w.origins, ' ')) end`

/** One column, for few are to go. */
const REVISION = `case when r.deprecated_at is null then r.revision::text
  else concat_ws(' ', r.revision, ${epochMs('r.deprecated_at')}, ${epochMs('r.sunset_at')}) end`

const FACTS = line([
  'k.key_id',
  'k.tenant_id',
  'k.product_id',
  'k.scopes',
  'a.collection_id',
  'a.active_version',
  'a.publication_no',
  'a.metadata_no',
  `array_to_string(a.labels, ',')`,
  `case when a.erased_at is not null then 'e' else left(((a.archived_at is not null or a.expires_at <= now()) is true)::text, 1) end`,
  `case when a.active_version is null then
     (select case when u.state = 'PENDING' and u.failure is not null then 'FAILED' else u.state end from asset_version u where u.tenant_id = a.tenant_id and u.asset_id = a.asset_id order by u.version desc limit 1) end`,
  'e.role',
  'e.original_access',
  'e.visibility',
  'e.delivery',
  '(extract(epoch from e.expires_at) * 1000)::bigint',
  'v.version',
  'v.state',
  REVISION,
  `case when q.rendition = 'original' then encode(o.sha256, 'hex') end`,
  'o.byte_length',
  MEDIA_TYPE,
  'o.object_key',
  'v.filename',
  '(extract(epoch from least(k.expires_at, g.expires_at, h.expires_at, a.expires_at)) * 1000)::bigint',
  'coalesce(m.revision, 0)',
  lookColumn('p'),
  SPECIAL,
  LINK,
  ALT,
  BROWSER,
])

const LEAF = line([
  'l.format',
  'l.required',
  `encode(l.node_id, 'hex')`,
  'n.state',
  `coalesce(n.failure ->> 'code', l.refusal ->> 'code')`,
  `encode(d.sha256, 'hex')`,
  'd.byte_length',
  'd.media_type',
  'd.width',
  'd.height',
  'd.object_key',
  'case when q.sharers then (select count(distinct s.product_id)::int - 1 from leaf s where s.tenant_id = l.tenant_id and s.node_id = l.node_id) end',
])

const RESOLVE = {
  name: 'resolve',
  text: `select q.ord::int, ${FACTS}, case when l.format is not null then ${LEAF} end
         from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::int[], $6::text[], $7::boolean[], $8::text[], $9::text[], $10::text[])
           with ordinality as q (tenant, secret, product, asset, version, rendition, sharers, kid, share, leaf, ord)
         left join api_key k on k.secret_hash = decode(q.secret, 'hex') and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
         left join signing_key g on g.kid = q.kid and g.revoked_at is null and (g.expires_at is null or g.expires_at > now())
         left join share_link h on h.token_hash = decode(q.share, 'hex') and h.revoked_at is null and h.expires_at > now()
           and h.asset_id = q.asset and h.product_id = q.product
           and case q.rendition when 'original' then h.original else h.renditions is null or q.rendition = any(h.renditions) end
         left join matrix_revision m on m.tenant_id = coalesce(k.tenant_id, g.tenant_id, h.tenant_id, q.tenant)
         left join product w on w.tenant_id = coalesce(k.tenant_id, g.tenant_id, h.tenant_id, q.tenant) and w.product_id = q.product
         left join asset a on a.tenant_id = coalesce(k.tenant_id, g.tenant_id, h.tenant_id, q.tenant) and a.asset_id = q.asset
         ${edgeJoins('q.product')}
         left join asset_version v on v.tenant_id = a.tenant_id and v.asset_id = a.asset_id and v.version = coalesce(q.version, a.active_version)
         left join original o on o.tenant_id = v.tenant_id and o.sha256 = v.sha256
         left join original_look p on q.sharers and p.tenant_id = v.tenant_id and p.sha256 = v.sha256
         left join rendition r on r.tenant_id = a.tenant_id and r.collection_id = a.collection_id and r.product_id = q.product
           and r.name = q.rendition and r.state = 'active'
         left join leaf l on l.tenant_id = v.tenant_id and l.asset_id = v.asset_id and l.version = v.version
           and l.product_id = q.product and l.rendition = q.leaf and l.revision = coalesce(r.revision, 0)
         left join node n on n.tenant_id = l.tenant_id and n.node_id = l.node_id
         left join derivative d on d.tenant_id = n.tenant_id and d.sha256 = n.output
         order by q.ord, l.position`,
}

type Row = [ord: number, facts: string, leaf: string | null]

const isTrue = (text: string | undefined): boolean => text === 't'

const leafOf = (text: string): ResolvedLeaf => {
  const [
    format,
    required,
    node,
    state,
    failure,
    output,
    bytes,
    mediaType = '',
    width,
    height,
    objectKey = '',
    sharers,
  ] = text.split(SEPARATOR)
  return {
    format: format as Format,
    required: isTrue(required),
    node: node || undefined,
    state: (state || 'REFUSED') as NodeState | 'REFUSED',
    failure: failure || undefined,
    derivative: output
      ? { sha256: output, bytes: Number(bytes), mediaType, width: Number(width), height: Number(height), objectKey }
      : undefined,
    sharedWith: Number(sharers),
  }
}

const factsOf = (text: string, productAsked: string): ResolveFacts & { leaves: ResolvedLeaf[] } => {
  const [
    keyId,
    tenant = '',
    product,
    scopes = '',
    collection,
    active,
    publication,
    metadata,
    labels,
    archived,
    newest,
    role,
    originalAccess,
    visibility,
    delivery,
    expiresAt,
    version,
    state,
    revision,
    sha256,
    bytes,
    mediaType = '',
    objectKey = '',
    filename,
    endsAt,
    matrixRevision,
    look,
    special,
    link,
    alt,
    browser,
  ] = text.split(SEPARATOR)
  const edge = {
    product: productAsked,
    role: role as Role,
    originalAccess: isTrue(originalAccess),
    visibility: visibility as Edge['visibility'],
    delivery: delivery as Delivery,
    expiresAt: expiresAt ? new Date(Number(expiresAt)) : undefined,
  }
  return {
    principal: keyId
      ? { tenant, kind: 'key', id: keyId, product: product || undefined, scopes: scopesOf(scopes) }
      : link
        ? sharerOf(link)
        : undefined,
    signingKey: link ? signingKeyOf(link) : undefined,
    asset: collection
      ? {
          collection,
          activeVersion: active ? Number(active) : undefined,
          publication: Number(publication),
          metadata: Number(metadata),
          archived: archived !== 'f',
          erased: archived === 'e',
          alt: alt || undefined,
          newest: (newest || undefined) as VersionState | undefined,
        }
      : undefined,
    edges: edgesOf(role ? edge : undefined, special, productAsked),
    mediaType: mediaType || undefined,
    labels: labels ? labels.split(',') : [],
    version: version
      ? {
          version: Number(version),
          state: state as VersionState,
          filename: filename || undefined,
          look: readLookColumn(look),
          original: sha256 ? { sha256, bytes: Number(bytes), mediaType, objectKey } : undefined,
        }
      : undefined,
    rendition: revision ? renditionOf(revision) : undefined,
    leaves: [],
    endsAt: endsAt ? Number(endsAt) : undefined,
    matrixRevision: Number(matrixRevision),
    browser: browser ? browserRulesOf(browser) : undefined,
    remembered: 'read',
  }
}

const renditionOf = (text: string): ResolveFacts['rendition'] => {
  const [revision, at, sunset] = text.split(' ')
  const deprecation = at === undefined ? undefined : { at: new Date(Number(at)), sunset: new Date(Number(sunset)) }
  return { revision: Number(revision), deprecation }
}

const browserRulesOf = (text: string): BrowserRules => {
  const [hints, ...origins] = text.split(' ')
  return { clientHints: hints === '1', origins: origins.filter(origin => origin !== '') }
}

const signingKeyOf = (link: string): SigningKeyFacts | undefined => {
  const [kid = '', tenant = '', product = '', kept] = link.split(' ')
  return kept === undefined ? undefined : { kid, tenant, product, kept }
}

const sharerOf = (link: string): Principal | undefined => {
  const [id = '', tenant = '', product = '', kept] = link.split(' ')
  return kept === undefined ? { tenant, kind: 'share', id, product, scopes: ['resolve'] } : undefined
}

/** `{resolve,assets:read}`: an array of the closed set of scopes, which need no quotes. */
const scopesOf = (text: string): readonly Scope[] => (text === '{}' ? [] : (text.slice(1, -1).split(',') as Scope[]))

/** An array as Postgres reads it. JSON spells names, digests and numbers the same way, and `null` is NULL in both. */
export const array = (values: readonly (string | number | boolean | null)[]): string =>
  `{${JSON.stringify(values).slice(1, -1)}}`

/** Reads are gathered: at most two statements are in flight, each for up to 256 callers. */
export const resolveReader = (database: Database): ((key: ResolveKey) => Promise<ResolveFacts>) =>
  gather<ResolveKey, ResolveFacts>({
    read: async keys => {
      const rows = (await database.hotRows(RESOLVE, [
        array(keys.map(key => key.tenant)),
        array(keys.map(key => key.secretHash ?? null)),
        array(keys.map(key => key.product)),
        array(keys.map(key => key.asset)),
        array(keys.map(key => key.version ?? null)),
        array(keys.map(key => key.rendition)),
        array(keys.map(key => key.countSharers)),
        array(keys.map(key => key.kid ?? null)),
        array(keys.map(key => key.shareHash ?? null)),
        array(keys.map(key => key.leaf ?? key.rendition)),
      ])) as Row[]
      const answers: (ResolveFacts & { leaves: ResolvedLeaf[] })[] = []
      for (const [ord, facts, leaf] of rows) {
        const index = ord - 1
        answers[index] ??= factsOf(facts, keys[index]?.product ?? '')
        if (leaf !== null) answers[index].leaves.push(leafOf(leaf))
      }
      return answers
    },
  })
