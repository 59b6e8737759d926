/** Whether a resolve is allowed, by what, and until when. Pure, over facts that have been read. */
import type { Clock } from '../lib/clock.ts'
import type { ResolveFacts } from '../manifest/resolve-read.ts'
import { type Denied, type MatrixError, refuse } from '../model/errors.ts'
import type { Hex } from '../model/ids.ts'
import type { Principal, Proven } from '../model/principal.ts'
import type { Grant } from '../model/product.ts'
import { unauthenticated } from '../policy/authenticate.ts'
import type { Decision, Question } from '../policy/decide.ts'
import type { Subject } from '../policy/engine.ts'
import { governing } from '../policy/governing.ts'
import type { Policy } from '../policy/policy.ts'

/** Who asks, in whose name, for what. */
export interface Claim {
  readonly secretHash: Hex | undefined
  /** Of a share link. */
  readonly shareHash?: Hex | undefined
  readonly proven: Proven | undefined
  readonly product: string
  readonly asset: string
  readonly rendition: string
  readonly address: (() => string | undefined) | undefined
}

export const nothingHere = (denied?: Denied) =>
  refuse('not-found', 'There is no such asset or rendition for this product.', denied && { denied })

export const principalOf = (facts: ResolveFacts, { proven }: Pick<Claim, 'proven'>): Principal | undefined =>
  facts.principal ?? proven?.principal

export interface PermitDependencies {
  /** Of callers without a credential. */
  readonly tenant: string
  readonly clock: Clock
  readonly policy: Policy
}

/** What the decision is asked, with the edge that answers for the asset, and about what the engines are. */
export const questionOf = (
  facts: ResolveFacts,
  question: Claim,
  { tenant, at }: { tenant: string; at: number },
): { asked: Question; subject: Subject | undefined } => {
  const action = question.rendition === 'original' ? 'original' : 'resolve'
  const { mediaType, labels } = facts
  const edge = governing(facts.edges, at)
  const { product, asset, rendition, address } = question
  const principal = principalOf(facts, question)
  return {
    asked: { principal, action, product, edge, context: { at, mediaType, labels, address } },
    subject: facts.asset && {
      tenant: principal?.tenant ?? tenant,
      collection: facts.asset.collection,
      asset,
      rendition,
    },
  }
}

/** The edge that answers for the asset. Throws the refusal that the caller may hear. Waits for nothing where there are no engines. */
export const permit = (
  { tenant, clock, policy }: PermitDependencies,
  facts: ResolveFacts,
  question: Claim,
): Grant | undefined | Promise<Grant | undefined> => {
  if (question.secretHash !== undefined && facts.principal === undefined) throw unauthenticated()
  if (question.shareHash !== undefined && facts.principal === undefined) throw nothingHere()
  const { asked, subject } = questionOf(facts, question, { tenant, at: clock.now() })
  const ruling = policy.decide(asked, subject)
  if (ruling instanceof Promise) return ruling.then(said => heard(said, asked))
  return heard(ruling, asked)
}

const heard = (decision: Decision, { principal, edge }: Question): Grant | undefined => {
  const refusal = refusalOf(decision, principal)
  if (refusal) throw refusal
  return edge
}

/** What the caller hears; `undefined` where it is allowed. */
export const refusalOf = ({ effect, rule }: Decision, principal: Principal | undefined): MatrixError | undefined => {
  if (effect === 'allow') return undefined
  if (effect === 'hide') return nothingHere({ rule, principal })
  return refuse('forbidden', 'The product may not do this here.', {
    details: { reasons: [rule] },
    denied: { rule, principal },
  })
}

/** The edge's end or that of a credential, whichever is first; an administrator is not allowed by an edge. */
export const grantEndOf = (
  edge: Grant | undefined,
  endsAt: number | undefined,
  { principal, proven }: { principal: Principal | undefined; proven: Proven | undefined },
): number | undefined => {
  const edgeEnd = principal?.scopes.includes('matrix:admin') ? undefined : edge?.expiresAt?.getTime()
  const ends = [edgeEnd, endsAt, proven?.expiresAt].filter(end => end !== undefined)
  return ends.length === 0 ? undefined : Math.min(...ends)
}
