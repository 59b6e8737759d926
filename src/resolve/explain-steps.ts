/** Steps of an explanation, each as it is shown. Pure. */
import { redirectCacheControl, resolutionCacheControl, streamCacheControl } from '../deliver/answer.ts'
import { cacheTags } from '../deliver/headers.ts'
import { urlExpiry } from '../deliver/presign.ts'
import type { LeafState } from '../manifest/leaves.ts'
import type { ResolvedLeaf, ResolveFacts } from '../manifest/resolve-read.ts'
import { isFinal } from '../manifest/warm-read.ts'
import { digestOf } from '../model/ids.ts'
import type { Principal } from '../model/principal.ts'
import type { Rendition } from '../model/product.ts'
import { governing } from '../policy/governing.ts'
import type { Located } from './cdn.ts'
import type { ExplainDependencies, ExplainQuestion } from './explain-types.ts'
import type { Answer, OriginalAnswer, Ready } from './resolve.ts'

export const claim = ({ secretHash, proven }: ExplainQuestion): string => {
  if (secretHash !== undefined) return 'a key'
  return proven === undefined ? 'no credential' : 'a credential that needs no look-up'
}

export const identity = (principal: Principal | undefined, { isNobody }: { isNobody: boolean }) => {
  if (isNobody) return 'anonymous'
  if (!principal) return 'unknown, revoked or expired'
  const { kind, id, tenant, product, scopes } = principal
  return { kind, id, tenant, product: product ?? null, scopes }
}

/** The edge that answers, and where it stands. */
export const grant = ({ edges, mediaType, labels }: ResolveFacts, at: number) => {
  const edge = governing(edges, at)
  if (!edge) return 'none'
  return {
    on: edge === edges.asset ? 'asset' : 'collection',
    role: edge.role,
    visibility: edge.visibility,
    original_access: edge.originalAccess,
    ...(edge.notBefore && { not_before: edge.notBefore.toISOString() }),
    ...(edge.expiresAt && { expires_at: edge.expiresAt.toISOString() }),
    ...(edge.conditions && {
      conditions: {
        media_types: edge.conditions.mediaTypes,
        labels: edge.conditions.labels,
        networks: edge.conditions.networks?.blocks,
      },
      asset_is: { media_type: mediaType, labels },
    }),
  }
}

export const pointer = ({ asset, version }: ResolveFacts) => ({
  publication: asset?.publication ?? 0,
  active_version: asset?.activeVersion ?? null,
  version: version?.version ?? null,
  state: version?.state ?? null,
  ...(asset?.archived && { gone: asset.erased ? 'erased' : 'archived' }),
})

export const rendition = ({ revision, lane, recipeHash, deprecation }: Rendition) => ({
  revision,
  lane,
  recipe_hash: digestOf(recipeHash),
  ...(deprecation && { sunset: deprecation.sunset.toISOString() }),
})

/** Who shares it by name for administrators; a product learns how many there are. */
const sharersOf = (
  node: string | undefined,
  all: readonly LeafState[],
  { asker, product }: { asker: Principal; product: string },
): readonly string[] => {
  const others = all.filter(other => node !== undefined && other.node === node && other.product !== product)
  if (asker.product === undefined) return others.map(other => `${other.product}/${other.rendition}`)
  return others.length > 0 ? [`${others.length} of other products`] : []
}

export const node = (leaf: ResolvedLeaf, all: readonly LeafState[], view: { asker: Principal; product: string }) => {
  const chain = all.find(other => other.node === leaf.node && leaf.node !== undefined)?.chain
  return {
    format: leaf.format,
    node: leaf.node === undefined ? null : digestOf(leaf.node),
    state: leaf.state,
    shared_with: sharersOf(leaf.node, all, view),
    ...(leaf.failure !== undefined && { failure: leaf.failure }),
    ...(leaf.derivative && { digest: digestOf(leaf.derivative.sha256), bytes: leaf.derivative.bytes }),
    ...(chain && { chain: JSON.parse(chain) as unknown }),
  }
}

export const state = (answer: Answer, queued: number) => {
  if (answer.kind === 'ready') return { kind: 'ready', format: answer.format, complete: answer.complete }
  if (answer.kind === 'pending') return { kind: 'pending', blocking: answer.blocking, would_queue: queued }
  return { kind: answer.kind }
}

const SECOND = 1000

interface Leaving {
  readonly answer: Ready | OriginalAnswer
  readonly facts: ResolveFacts
  readonly at: number
  /** Where a derivative is to be had, unless it is streamed. */
  readonly located: Located | undefined
}

/** Until when the URL would live, by what caches know it, and how long they may keep it. */
export const delivery = (
  { life }: ExplainDependencies,
  { mode, version, secretHash, product, asset, rendition, ...asked }: ExplainQuestion,
  { answer, facts, at, located }: Leaving,
) => {
  const expiresAt = located?.expiresAt ?? urlExpiry(at, life, answer.grantEndsAt)
  const windowMs = life.windowSeconds * SECOND
  const windowStart = Math.floor(at / windowMs) * windowMs
  const cacheable =
    answer.kind === 'ready'
      ? { negotiated: answer.negotiated, complete: answer.complete }
      : { negotiated: false, complete: true }
  const pinned = version !== undefined
  const isPublic = answer.visibility === 'public' && answer.kind === 'ready'
  const control = {
    redirect: redirectCacheControl({ pinned, ...cacheable }, expiresAt - at),
    json: resolutionCacheControl(expiresAt - at),
    stream: streamCacheControl({ pinned, isPublic, ...cacheable }),
  }[mode]
  const tenant = asked.asker.tenant
  const key = { tenant, secretHash, product, asset, version, rendition, countSharers: mode === 'json' }
  return {
    edge_delivers_by: answer.delivery,
    ...(located && { via: located.via }),
    window: {
      from: new Date(windowStart).toISOString(),
      to: new Date(windowStart + windowMs).toISOString(),
    },
    url_expires_at: new Date(expiresAt).toISOString(),
    bounded_by: expiresAt >= urlExpiry(at, life, undefined) ? 'window' : 'grant or credential',
    cache_control: control,
    cache_tag: cacheTags(answer),
    kept_by_gateways: isFinal(key, facts),
  }
}
