/** Whether a resolve is allowed, by what, and until when. Pure, over facts that have been read. */
import type { ResolveFacts } from '../manifest/resolve-read.ts'
import { type Denied, refuse } from '../model/errors.ts'
import type { Hex } from '../model/ids.ts'
import type { Principal, Proven } from '../model/principal.ts'
import type { Grant } from '../model/product.ts'
import { unauthenticated } from '../policy/authenticate.ts'
import { decide } from '../policy/decide.ts'
import { governing } from '../policy/governing.ts'

/** Who asks, in whose name, for what. */
export interface Claim {
  readonly secretHash: Hex | undefined
  /** Of a share link. */
  readonly shareHash?: Hex | undefined
  readonly proven: Proven | undefined
  readonly product: string
  readonly rendition: string
  readonly address: (() => string | undefined) | undefined
}

export const nothingHere = (denied?: Denied) =>
  refuse('not-found', 'There is no such asset or rendition for this product.', denied && { denied })

export const principalOf = (facts: ResolveFacts, { proven }: Pick<Claim, 'proven'>): Principal | undefined =>
  facts.principal ?? proven?.principal

/** The edge that answers for the asset. Throws the refusal that the caller may hear. */
export const permit = (facts: ResolveFacts, question: Claim, at: number): Grant | undefined => {
  if (question.secretHash !== undefined && facts.principal === undefined) throw unauthenticated()
  if (question.shareHash !== undefined && facts.principal === undefined) throw nothingHere()
  const action = question.rendition === 'original' ? 'original' : 'resolve'
  const { mediaType, labels } = facts
  const edge = governing(facts.edges, at)
  const principal = principalOf(facts, question)
  const { effect, rule } = decide({
    principal,
    action,
    product: question.product,
    edge,
    context: { at, mediaType, labels, address: question.address },
  })
  if (effect === 'hide') throw nothingHere({ rule, principal })
  if (effect === 'forbid')
    throw refuse('forbidden', 'The product may not do this here.', {
      details: { reasons: [rule] },
      denied: { rule, principal },
    })
  return edge
}

/** The edge's end or that of a credential, whichever is first; an administrator is not allowed by an edge. */
export const grantEndOf = (
  edge: Grant | undefined,
  keyExpiresAt: number | undefined,
  { principal, proven }: { principal: Principal | undefined; proven: Proven | undefined },
): number | undefined => {
  const edgeEnd = principal?.scopes.includes('matrix:admin') ? undefined : edge?.expiresAt?.getTime()
  const ends = [edgeEnd, keyExpiresAt, proven?.expiresAt].filter(end => end !== undefined)
  return ends.length === 0 ? undefined : Math.min(...ends)
}
