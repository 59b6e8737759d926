/**
 * Question in, answer out: which bytes does this product show this caller under this name, now.
 *
 * Warm: one gathered read of the primary, a pure decision, nothing else. Cold: the wish is planned and queued (one flight per
 * gateway, one node in the cluster) and waited for as long as the caller allows. Existence is revealed after permission only:
 * `hide` and `not-found` are the same answer.
 */
import type { UrlLife } from '../deliver/exposure.ts'
import type { Hints } from '../deliver/hints.ts'
import type { Clock } from '../lib/clock.ts'
import type { ResolveFacts, ResolveKey } from '../manifest/resolve-read.ts'
import type { BrowserRules } from '../model/browser-rules.ts'
import { type Dpr, isAdHoc, leafNameOf } from '../model/delivery-path.ts'
import { isMatrixError } from '../model/errors.ts'
import type { Hex } from '../model/ids.ts'
import { placeholderOf } from '../model/look.ts'
import type { Proven } from '../model/principal.ts'
import type { Format } from '../model/recipe.ts'
import type { Policy } from '../policy/policy.ts'
import type { ProveLink } from '../policy/prove-link.ts'
import type { Signed } from '../policy/signature.ts'
import type { Account } from '../rates/rates.ts'
import { adHocOf, onLadder } from './ad-hoc.ts'
import type { Answer, Common, Pending } from './answer.ts'
import { asOfThen } from './as-of.ts'
import type { Demand } from './demand.ts'
import { atDensity, densityFor, isOfDensity } from './density.ts'
import { nothingHere, permit } from './permit.ts'
import { isShown, type Permitted, shownFrom } from './shown.ts'
import type { Waiter } from './wait.ts'
import { leanest, refuseHopeless, wantedLeaves } from './wanted.ts'

export type { Answer, OriginalAnswer, Pending, Ready, Unpublished } from './answer.ts'

export interface Question {
  /** Of a key, which is looked up with the answer. */
  readonly secretHash: Hex | undefined
  /** Of a credential that needs no look-up, instead. */
  readonly proven: Proven | undefined
  /** Of a signed URL, checked against the key that is read with the answer. */
  readonly signed?: Signed | undefined
  /** Of a share link, looked up with the answer. */
  readonly shareHash?: Hex | undefined
  /** Who new derivatives are counted for. */
  readonly account?: Pick<Account, 'take'> | undefined
  /** Of the request, for what is made for it. */
  readonly traceparent?: string | undefined
  readonly product: string
  readonly asset: string
  readonly version: number | undefined
  readonly rendition: string
  /** Of the screen, where it is not 1. */
  readonly dpr?: Dpr | undefined
  readonly format: Format | 'auto'
  readonly accept: string | undefined
  /** Of the browser; heeded where the format is negotiated and the product says so. */
  readonly hints?: Hints | undefined
  /** The least publication that may be answered. */
  readonly least?: number | undefined
  /** Milliseconds that the caller is willing to wait for what is not ready. */
  readonly waitMs: number
  readonly countSharers: boolean
  /** What was so some time ago will do while Postgres is away: of a version, by a link or by nobody in particular. */
  readonly whileAway?: boolean | undefined
  /** Of the caller, for edges that ask. */
  readonly address: (() => string | undefined) | undefined
  readonly signal: AbortSignal | undefined
  /** Told as soon as it is known, before anything is refused. */
  readonly learn?: ((rules: BrowserRules | undefined) => void) | undefined
  /** Told where the answer has to be made first. */
  readonly wait?: (() => void) | undefined
}

export interface ResolveDependencies {
  readonly tenant: string
  readonly clock: Clock
  readonly life: UrlLife
  readonly policy: Policy
  readonly read: (key: ResolveKey) => Promise<ResolveFacts>
  /** The same of many, in their order. */
  readonly readAll: (keys: readonly ResolveKey[]) => Promise<readonly ResolveFacts[]>
  readonly proveLink: ProveLink
  readonly demand: Demand
  readonly waitForNodes: Waiter
  readonly waitForPublication: Waiter
}

export type Resolve = (question: Question) => Promise<Answer>

export type LookDependencies = Pick<ResolveDependencies, 'tenant' | 'clock' | 'life' | 'policy' | 'read' | 'proveLink'>

/** The question with what its signature proves. Throws `forbidden`. */
export const proved = (
  { proveLink, clock }: LookDependencies,
  { signingKey }: ResolveFacts,
  question: Question,
): Question => {
  const { signed, product } = question
  if (signed === undefined) return question
  return { ...question, proven: proveLink({ signed, key: signingKey, product, now: clock.now() }) }
}

/** What a question asks of the manifest. */
export const keyOf = (tenant: string, question: Question): ResolveKey => {
  const { secretHash, proven, signed, shareHash, product, asset, version, rendition, countSharers, whileAway } =
    question
  return {
    tenant: proven?.principal.tenant ?? tenant,
    secretHash,
    kid: signed?.kid,
    shareHash,
    product,
    asset,
    version,
    rendition,
    leaf: leafNameOf(question),
    only: isAdHoc(question) ? question.format : undefined,
    countSharers,
    whileAway,
  }
}

/** Every look asks everything: what was waited for may have been archived or forbidden meanwhile. */
export const openLook = (dependencies: LookDependencies): Resolve => {
  const { tenant, read, life } = dependencies
  const look: Resolve = async asked => {
    const facts = await read(keyOf(tenant, asked))
    asked.learn?.(facts.browser)
    const question = proved(dependencies, facts, asked)
    const { asOf } = facts
    const answer = async () => {
      const edge = await permit(dependencies, facts, question)
      const rendition = onLadder(facts, question)
      if (rendition !== question.rendition) return look({ ...asked, rendition })
      const plain = answerFrom(facts, question, { tenant, edge })
      const dpr = densityFor(facts, question)
      if (dpr === undefined || plain.kind !== 'ready') return plain
      return atDensity(plain, { dpr, isAway: asOf !== undefined, ask: () => look({ ...asked, dpr }) })
    }
    return asOf === undefined ? answer() : asOfThen(answer, asOf, life)
  }
  return look
}

export const openResolve = (dependencies: ResolveDependencies): Resolve => {
  const { demand, waitForNodes, waitForPublication } = dependencies
  const look = openLook(dependencies)
  /** After a wait, in which a credential may have ended. */
  const lookAgain = async (question: Question): Promise<Answer> =>
    look(question.proven?.renew ? { ...question, proven: await question.proven.renew() } : question)
  const ask = (pending: Pending, { format, accept, account, traceparent }: Question) =>
    demand({
      ...pending,
      format: isAdHoc(pending) ? (pending.blocking[0]?.format ?? 'auto') : format,
      accept,
      account,
      traceparent,
    })
  /** Of what would be better than the answer: where there is no room for it, the answer is good as it is. */
  const wish = (denser: Pending, question: Question) =>
    ask(denser, question).catch(error => {
      if (!isMatrixError(error)) throw error
    })

  return async question => {
    const { waitMs, signal } = question
    const deadline = performance.now() + waitMs
    let answer = await look(question)
    if (answer.kind === 'unpublished' || answer.kind === 'pending') question.wait?.()
    if (answer.kind === 'unpublished' && waitMs > 0) {
      await waitForPublication([{ tenant: answer.tenant, key: answer.asset }], { waitMs, signal })
      answer = await lookAgain(question)
    }
    if (answer.kind === 'ready' && answer.denser && answer.asOf === undefined) await wish(answer.denser, question)
    if (answer.kind !== 'pending') return answer
    const { tenant: owner } = answer
    const nodes = await ask(answer, question)
    const leftMs = deadline - performance.now()
    if (leftMs > 0)
      await waitForNodes(
        nodes.map(key => ({ tenant: owner, key })),
        { waitMs: leftMs, signal },
      )
    return lookAgain(question)
  }
}

/** What the facts come to, for who was permitted by this edge. Throws the refusals of `resolve`. */
export const answerFrom = (facts: ResolveFacts, question: Question, permitted: Permitted): Answer => {
  const shown = shownFrom(facts, question, permitted)
  if (shown.kind === 'unpublished') return shown
  const { shared, version } = shown
  const placeholder = placeholderOf(version.look)
  const common = (): Common => ({ ...shared, version: version.version, placeholder })
  if (question.rendition === 'original') {
    if (!version.original) throw nothingHere()
    return { kind: 'original', ...common(), ...version.original, filename: version.filename }
  }
  const { rendition: name } = question
  const { rendition, leaves } = isAdHoc(question) ? adHocOf(facts, question) : facts
  if (!rendition) throw nothingHere()
  const usable = leaves.filter(leaf => leaf.state !== 'REFUSED')
  const wanted = wantedLeaves(usable, question)
  const negotiated = question.format === 'auto'
  const hints = negotiated && facts.browser?.clientHints ? question.hints : undefined
  const ready = hints?.saveData ? leanest(wanted) : wanted.find(leaf => leaf.derivative !== undefined)
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
      browser: shared.browser,
      remembered: shared.remembered,
      matrixRevision: shared.matrixRevision,
      published: isShown(version.state, version.version, false),
      rendition: name,
      dpr: question.dpr,
      revision: rendition.revision,
      deprecation: rendition.deprecation,
      format,
      negotiated,
      hinted: hints !== undefined,
      density: hints !== undefined && isOfDensity(question) ? 1 : undefined,
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
    dpr: question.dpr,
    blocking: wanted.map(({ node, format, state }) => ({ node: node && `sha256:${node}`, format, state })),
  }
}
