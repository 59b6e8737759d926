/**
 * Question in, answer out: which bytes does this product show this caller under this name, now.
 *
 * Warm: one gathered read of the primary, a pure decision, nothing else. Cold: the wish is planned and queued (one flight per
 * gateway, one node in the cluster) and waited for as long as the caller allows. Existence is revealed after permission only:
 * `hide` and `not-found` are the same answer.
 */
import type { Clock } from '../lib/clock.ts'
import type { ResolveFacts, ResolveKey } from '../manifest/resolve-read.ts'
import type { VersionState } from '../model/asset.ts'
import { refuse } from '../model/errors.ts'
import type { Hex } from '../model/ids.ts'
import { type Look, placeholderOf } from '../model/look.ts'
import type { Derivative } from '../model/node.ts'
import type { Principal, Proven } from '../model/principal.ts'
import type { Delivery, Edge, Grant } from '../model/product.ts'
import type { Format } from '../model/recipe.ts'
import type { Policy } from '../policy/policy.ts'
import type { Demand } from './demand.ts'
import { grantEndOf, nothingHere, permit, principalOf } from './permit.ts'
import type { Waiter } from './wait.ts'
import { refuseHopeless, wantedLeaves } from './wanted.ts'

export interface Question {
  /** Of a key, which is looked up with the answer. */
  readonly secretHash: Hex | undefined
  /** Of a credential that needs no look-up, instead. */
  readonly proven: Proven | undefined
  readonly product: string
  readonly asset: string
  readonly version: number | undefined
  readonly rendition: string
  readonly format: Format | 'auto'
  readonly accept: string | undefined
  /** Milliseconds that the caller is willing to wait for what is not ready. */
  readonly waitMs: number
  readonly countSharers: boolean
  /** Of the caller, for edges that ask. */
  readonly address: (() => string | undefined) | undefined
  readonly signal: AbortSignal | undefined
}

interface Common {
  readonly tenant: string
  readonly collection: string
  readonly product: string
  readonly asset: string
  readonly version: number
  /** For answers that are documents. */
  readonly placeholder: Look | undefined
  /** Who is answered; `undefined`: anybody. */
  readonly principal: Principal | undefined
  readonly publication: number
  readonly delivery: Delivery
  readonly visibility: Edge['visibility']
  /** Epoch milliseconds: when what allowed the answer ends by itself. A URL that is handed out ends no later. */
  readonly grantEndsAt: number | undefined
}

export interface Ready extends Common {
  readonly kind: 'ready'
  readonly rendition: string
  readonly revision: number
  readonly format: Format
  readonly negotiated: boolean
  /** Every format of the rendition is there: a negotiated answer will not be bettered. */
  readonly complete: boolean
  readonly node: Hex
  readonly derivative: Derivative
  readonly sharedWith: number
}

/** The version is there and the rendition is not. */
export interface Pending extends Common {
  readonly kind: 'pending'
  readonly rendition: string
  readonly blocking: readonly {
    readonly node: string | undefined
    readonly format: Format
    readonly state: string
  }[]
}

/** No version has been published yet, and one is on its way. */
export interface Unpublished extends Omit<Common, 'version' | 'placeholder'> {
  readonly kind: 'unpublished'
  readonly rendition: string
}

export interface OriginalAnswer extends Common {
  readonly kind: 'original'
  readonly sha256: Hex
  readonly bytes: number
  readonly mediaType: string
  readonly objectKey: string
  readonly filename: string | undefined
}

export type Answer = Ready | Pending | Unpublished | OriginalAnswer

export interface ResolveDependencies {
  readonly tenant: string
  readonly clock: Clock
  readonly policy: Policy
  readonly read: (key: ResolveKey) => Promise<ResolveFacts>
  readonly demand: Demand
  readonly waitForNodes: Waiter
  readonly waitForPublication: Waiter
}

export type Resolve = (question: Question) => Promise<Answer>

type LookDependencies = Pick<ResolveDependencies, 'tenant' | 'clock' | 'policy' | 'read'>

const keyOf = (tenant: string, question: Question): ResolveKey => {
  const { secretHash, proven, product, asset, version, rendition, countSharers } = question
  return { tenant: proven?.principal.tenant ?? tenant, secretHash, product, asset, version, rendition, countSharers }
}

/** Every look asks everything: what was waited for may have been archived or forbidden meanwhile. */
const openLook = (dependencies: LookDependencies): Resolve => {
  const { tenant, read } = dependencies
  return async question => {
    const facts = await read(keyOf(tenant, question))
    return answerFrom(facts, question, { tenant, edge: await permit(dependencies, facts, question) })
  }
}

interface Given extends Pick<Question, 'format' | 'accept'> {
  /** By its identity: one may take over from the other when its time has come. */
  readonly edge: Grant | undefined
  readonly ready: Ready
}

/** One look and nothing set in motion: `undefined` for whatever is not ready. Throws the refusals of `resolve`. */
export type Peek = (question: Question) => Promise<Ready | undefined>

/**
 * Facts that still hold are the same object (manifest/warm-read.ts), made for one question but for `format` and `accept`: the
 * last answer to these is given again. What they permit is decided anew each time.
 */
export const openPeek = (dependencies: LookDependencies): Peek => {
  const { tenant, read } = dependencies
  const given = new WeakMap<ResolveFacts, Given>()
  return async question => {
    const { format, accept } = question
    const facts = await read(keyOf(tenant, question))
    const edge = await permit(dependencies, facts, question)
    // What somebody proved to us ends with the proof, not with the facts.
    const last = question.proven ? undefined : given.get(facts)
    if (last !== undefined && last.format === format && last.accept === accept && last.edge === edge) return last.ready
    const ready = answerFrom(facts, question, { tenant, edge })
    if (ready.kind !== 'ready') return undefined
    if (!question.proven) given.set(facts, { format, accept, edge, ready })
    return ready
  }
}

export const openResolve = (dependencies: ResolveDependencies): Resolve => {
  const { demand, waitForNodes, waitForPublication } = dependencies
  const look = openLook(dependencies)

  return async question => {
    const { waitMs, signal } = question
    const deadline = performance.now() + waitMs
    let answer = await look(question)
    if (answer.kind === 'unpublished' && waitMs > 0) {
      await waitForPublication([{ tenant: answer.tenant, key: answer.asset }], { waitMs, signal })
      answer = await look(question)
    }
    if (answer.kind !== 'pending') return answer
    const { tenant: owner } = answer
    const nodes = await demand({ ...answer, format: question.format, accept: question.accept })
    const leftMs = deadline - performance.now()
    if (leftMs > 0)
      await waitForNodes(
        nodes.map(key => ({ tenant: owner, key })),
        { waitMs: leftMs, signal },
      )
    return look(question)
  }
}

const answerFrom = (
  facts: ResolveFacts,
  question: Question,
  { tenant: defaultTenant, edge }: { tenant: string; edge: Grant | undefined },
): Answer => {
  const { asset, version, rendition, leaves, keyExpiresAt } = facts
  const principal = principalOf(facts, question)
  if (!asset) throw nothingHere()
  if (asset.archived) throw refuse('asset-archived', 'The asset is archived.')
  const shared = {
    tenant: principal?.tenant ?? defaultTenant,
    principal,
    collection: asset.collection,
    product: question.product,
    asset: question.asset,
    publication: asset.publication,
    delivery: facts.edges.collection?.delivery ?? 'redirect',
    // A cache between knows nothing of networks.
    visibility: edge === undefined || edge.conditions?.networks ? ('private' as const) : edge.visibility,
    grantEndsAt: grantEndOf(edge, keyExpiresAt, { principal, proven: question.proven }),
  }
  if (question.version === undefined && asset.activeVersion === undefined) {
    return unpublished(asset.newest, { kind: 'unpublished', ...shared, rendition: question.rendition })
  }
  if (!version || !isShown(version.state, question.version, principal !== undefined)) throw nothingHere()
  const placeholder = placeholderOf(version.look)
  const common = (): Common => ({ ...shared, version: version.version, placeholder })
  if (question.rendition === 'original') {
    if (!version.original) throw nothingHere()
    return { kind: 'original', ...common(), ...version.original, filename: version.filename }
  }
  if (!rendition) throw nothingHere()
  const { rendition: name } = question
  const usable = leaves.filter(leaf => leaf.state !== 'REFUSED')
  const wanted = wantedLeaves(usable, question)
  const ready = wanted.find(leaf => leaf.derivative !== undefined)
  if (ready?.derivative && ready.node) {
    const { format, node, derivative, sharedWith } = ready
    const complete = usable.every(leaf => leaf.derivative !== undefined || leaf.state === 'DEAD')
    // Written out: objects made by spreading are slow to make and slow to read, 2 us here.
    return {
      kind: 'ready',
      tenant: shared.tenant,
      principal: shared.principal,
      collection: shared.collection,
      product: shared.product,
      asset: shared.asset,
      version: version.version,
      publication: shared.publication,
      delivery: shared.delivery,
      visibility: shared.visibility,
      grantEndsAt: shared.grantEndsAt,
      rendition: name,
      revision: rendition.revision,
      format,
      negotiated: question.format === 'auto',
      complete,
      node,
      derivative,
      sharedWith,
      placeholder,
    }
  }
  if (leaves.length > 0) refuseHopeless(leaves, wanted, question)
  return {
    kind: 'pending',
    ...common(),
    rendition: name,
    blocking: wanted.map(({ node, format, state }) => ({ node: node && `sha256:${node}`, format, state })),
  }
}

/** A pinned version is answered while its bytes exist; the public sees only what has been published at some time. */
const isShown = (state: VersionState, pinned: number | undefined, known: boolean): boolean => {
  if (state === 'ACTIVE') return true
  if (pinned === undefined) return false
  return known ? state !== 'PENDING' && state !== 'PURGED' : state === 'ARCHIVED'
}

/** The product is known and may ask, so it is told what has become of the asset. */
const unpublished = (newest: VersionState | undefined, answer: Unpublished): Unpublished => {
  if (newest === 'PENDING' || newest === 'PROCESSING') return answer
  if (newest === 'FAILED')
    throw refuse('rendition-failed', 'The version could not be completed; its completeness tells why.')
  throw refuse('not-ready', 'No version of the asset has been published yet.')
}
