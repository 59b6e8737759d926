/** Which versions are shown to whom, and what is said where none is. Pure. */
import type { ResolveFacts } from '../manifest/resolve-facts.ts'
import { type VersionState, versionPurged, whyGone } from '../model/asset.ts'
import { refuse } from '../model/errors.ts'
import type { Principal } from '../model/principal.ts'
import { type Grant, mayPublish } from '../model/product.ts'
import type { Common, Unpublished } from './answer.ts'
import { requireAtLeast } from './at-least.ts'
import { type Claim, grantEndOf, nothingHere, principalOf } from './permit.ts'

/** A pinned version is answered while its bytes exist; drafts, which have never been published, to those who may publish them. */
export const isShown = (state: VersionState, pinned: number | undefined, seesDrafts: boolean): boolean => {
  if (state === 'ACTIVE') return true
  if (pinned === undefined) return false
  return state === 'ARCHIVED' || (seesDrafts && state !== 'PENDING' && state !== 'PURGED')
}

/** A link to an asset shows what its product shows. */
const seesDrafts = (principal: Principal | undefined, edge: Grant | undefined): boolean => {
  if (principal === undefined || principal.kind === 'share') return false
  return principal.scopes.includes('matrix:admin') || mayPublish(edge)
}

/** The product is known and may ask, so it is told what has become of the asset. */
const unpublished = (newest: VersionState | undefined, answer: Unpublished): Unpublished => {
  if (newest === 'PENDING' || newest === 'PROCESSING') return answer
  if (newest === 'FAILED')
    throw refuse('rendition-failed', 'The version could not be completed; its completeness tells why.')
  throw refuse('not-ready', 'No version of the asset has been published yet.')
}

/** Under whose edge, and in which tenant whoever has no credential asks. */
export interface Permitted {
  readonly tenant: string
  readonly edge: Grant | undefined
}

interface Asked extends Claim {
  readonly version: number | undefined
  readonly least?: number | undefined
}

export interface Shown {
  readonly kind: 'shown'
  /** What every answer about it says. */
  readonly shared: Omit<Common, 'version' | 'placeholder'>
  readonly version: NonNullable<ResolveFacts['version']>
}

/** The version that is asked for, for who was permitted by this edge. Throws what is said where there is none. */
export const shownFrom = (
  facts: ResolveFacts,
  question: Asked,
  { tenant: defaultTenant, edge }: Permitted,
): Shown | Unpublished => {
  const { asset, version, endsAt } = facts
  const principal = principalOf(facts, question)
  if (!asset) throw nothingHere()
  const gone = whyGone(asset)
  if (gone) throw gone
  requireAtLeast(asset.publication, question.least)
  const shared = {
    tenant: principal?.tenant ?? defaultTenant,
    principal,
    collection: asset.collection,
    product: question.product,
    asset: question.asset,
    publication: asset.publication,
    delivery: facts.edges.collection?.delivery ?? 'redirect',
    visibility: edge?.conditions?.networks ? ('local' as const) : (edge?.visibility ?? 'private'),
    grantEndsAt: grantEndOf(edge, endsAt, { principal, proven: question.proven }),
    browser: facts.browser,
    remembered: facts.remembered,
    matrixRevision: facts.matrixRevision,
  }
  if (question.version === undefined && asset.activeVersion === undefined) {
    return unpublished(asset.newest, { kind: 'unpublished', ...shared, rendition: question.rendition })
  }
  if (version?.state === 'PURGED' && principal !== undefined) throw versionPurged(version.version)
  if (!version || !isShown(version.state, question.version, seesDrafts(principal, edge))) throw nothingHere()
  return { kind: 'shown', shared, version }
}
