/**
 * How an answer comes about: the same read and the same functions as those of a resolve, with their results written down
 * instead of acted on. Nothing is planned or queued, and no URL is told.
 *
 * Who asks is one thing, who would be answered another: a product asks about itself, an administrator about anybody. What a
 * product may not know ends as it ends for it: with the plain refusal, after the same read.
 */
import { acceptableFormats } from '../deliver/negotiate.ts'
import { versionBefore } from '../manifest/fallbacks.ts'
import { leavesOfVersion } from '../manifest/leaves.ts'
import { findRendition } from '../manifest/renditions.ts'
import { type ResolveFacts, resolveReader } from '../manifest/resolve-read.ts'
import { leafNameOf } from '../model/delivery-path.ts'
import { isMatrixError, type MatrixError } from '../model/errors.ts'
import type { Rendition } from '../model/product.ts'
import { trail } from '../policy/decide.ts'
import type { Ruling } from '../policy/policy.ts'
import { isUnasked, openCrowd } from './demand.ts'
import { type DryPlan, planDry } from './explain-plan.ts'
import * as show from './explain-steps.ts'
import { renderExplanation } from './explain-text.ts'
import type { ExplainDependencies, ExplainedStep, ExplainQuestion, Explanation } from './explain-types.ts'
import { principalOf, questionOf, refusalOf } from './permit.ts'
import { type Answer, answerFrom } from './resolve.ts'

type Attempt = { readonly answer: Answer } | { readonly refusal: MatrixError }
type Note = (step: string, input: unknown, result: unknown) => void

const attempt = (work: () => Answer): Attempt => {
  try {
    return { answer: work() }
  } catch (error) {
    if (isMatrixError(error)) return { refusal: error }
    throw error
  }
}
const isPending = (tried: Attempt): boolean => 'answer' in tried && tried.answer.kind === 'pending'

const openSteps = () => {
  const steps: ExplainedStep[] = []
  let last = performance.now()
  const note: Note = (step, input, result) => {
    steps.push({ step, input, result, us: Math.round((performance.now() - last) * 1000) })
    last = performance.now()
  }
  return { steps, note }
}

/** Throws the plain `not-found` to a product that may not know. */
export const explainResolution = async (
  dependencies: ExplainDependencies,
  asked: ExplainQuestion,
): Promise<Explanation> => {
  const { database, clock, policy } = dependencies
  const { asker, secretHash, proven, product, asset, version, rendition } = asked
  const { steps, note } = openSteps()
  const end = (outcome: string, status: number): Explanation => {
    const text = renderExplanation(asked, steps, { outcome, status })
    return { outcome, status, steps, text }
  }
  const tenant = proven?.principal.tenant ?? asker.tenant
  const leaf = leafNameOf(asked)
  const key = { tenant, secretHash, product, asset, version, rendition, leaf, countSharers: true }
  const facts = await resolveReader(database)(key)
  const isNobody = secretHash === undefined && proven === undefined
  note('identity', show.claim(asked), show.identity(principalOf(facts, asked), { isNobody }))
  if (secretHash !== undefined && facts.principal === undefined) return end('unauthenticated', 401)
  // Callers without a credential are all of one tenant, which may be another than the asker's.
  if (isNobody && asker.tenant !== dependencies.tenant) return end('not-found', 404)

  const at = clock.now()
  const { asked: question, subject } = questionOf(facts, asked, { tenant, at })
  const decision: Ruling = await policy.decide(question, subject)
  const refusal = refusalOf(decision, question.principal)
  if (refusal && decision.effect === 'hide' && !asker.scopes.includes('matrix:admin')) throw refusal
  note('collection', asset, facts.asset?.collection ?? 'there is no such asset')
  note('grant', product, show.grant(facts, at))
  const rules = [...trail(question), ...(decision.engines ?? [])]
  note('policy', question.action, { effect: decision.effect, rule: decision.rule, rules })
  if (refusal) return end(refusal.code, refusal.status)

  note('pointer', version ?? 'current', show.pointer(facts))
  const resolving = { ...asked, waitMs: 0, countSharers: true, signal: undefined }
  const { edge } = question
  const look = (now: ResolveFacts): Attempt =>
    attempt(() => answerFrom(now, resolving, { tenant: dependencies.tenant, edge }))
  const first = look(facts)
  const plan = await explainPlan(dependencies, note, { asked, tenant, facts, plans: isPending(first) })
  const crowded = isPending(first) ? await openCrowd(dependencies)(tenant, product) : undefined
  const last = afterPlan(first, plan, { crowded, look })
  if ('refusal' in last) return end(last.refusal.code, last.refusal.status)
  const { answer } = last
  note('state', facts.leaves.length, show.state(answer, plan && 'queued' in plan ? plan.queued : 0))
  if (answer.kind === 'pending' && asked.fallback === 'previous')
    return explainEarlier(dependencies, note, { asked, version: answer.version, tenant, end })
  if (answer.kind === 'pending' || answer.kind === 'unpublished') return end('pending', 202)
  const located = answer.kind === 'ready' && asked.mode !== 'stream' ? await dependencies.locate(answer) : undefined
  note('delivery', asked.mode, show.delivery(dependencies, asked, { answer, facts, at, located }))
  const status = asked.mode === 'redirect' ? 302 : 200
  return end(answer.kind === 'ready' ? `ready: ${answer.format}` : 'ready', status)
}

/** What would be given in its place, asked for as if it had been the question. */
const explainEarlier = async (
  dependencies: ExplainDependencies,
  note: Note,
  {
    asked,
    version: pending,
    tenant,
    end,
  }: {
    asked: ExplainQuestion
    version: number
    tenant: string
    end: (outcome: string, status: number) => Explanation
  },
): Promise<Explanation> => {
  const version = await versionBefore(dependencies.database, { ...asked, tenant, version: pending })
  const earlier =
    version === undefined
      ? undefined
      : await explainResolution(dependencies, { ...asked, version, fallback: undefined })
  const isReady = earlier?.outcome.startsWith('ready') ?? false
  note('fallback', asked.fallback, isReady ? { version } : 'no earlier version that was shown has it')
  return isReady && earlier ? end(earlier.outcome.replace('ready', 'stale'), earlier.status) : end('pending', 202)
}

type Planned = DryPlan | { readonly refusal: MatrixError } | undefined

/** What a second look would see, once the first has had it planned; a queue that is full takes nothing that is new. */
const afterPlan = (
  first: Attempt,
  plan: Planned,
  { crowded, look }: { crowded: MatrixError | undefined; look: (facts: ResolveFacts) => Attempt },
): Attempt => {
  if (plan === undefined) return first
  if ('refusal' in plan) return plan
  const isNew = 'answer' in first && first.answer.kind === 'pending' && isUnasked(first.answer)
  if (crowded) return isNew ? { refusal: crowded } : first
  return look(plan.facts)
}

interface Planning {
  readonly asked: ExplainQuestion
  readonly tenant: string
  readonly facts: ResolveFacts
  /** A resolve would plan it. */
  readonly plans: boolean
}

/** The steps from the name of the rendition to its nodes. `undefined`: nothing would be planned. */
const explainPlan = async (
  dependencies: ExplainDependencies,
  note: Note,
  { asked, tenant, facts, plans }: Planning,
): Promise<Planned> => {
  const { database, maxCpuMs } = dependencies
  const { asker, product, asset, rendition, format, accept } = asked
  if (rendition === 'original' || !facts.asset || facts.asset.archived || !facts.version) return undefined
  const { version } = facts.version
  const named = { tenantId: tenant, collectionId: facts.asset.collection, productId: product, name: rendition }
  const recipe = await findRendition(database, named)
  const found = recipe && { ...recipe, dpr: asked.dpr }
  note('rendition', leafNameOf(asked), found ? show.rendition(found) : 'the product has none of this name')
  if (!found) return undefined
  note('canonical recipe', `sha256:${found.recipeHash}`, found.recipe)
  const plan = plans
    ? await tryPlan(database, facts, { tenant, asset, version, rendition: found, maxCpuMs })
    : undefined
  const leaves = plan && !('refusal' in plan) ? plan.facts.leaves : facts.leaves
  const all = await leavesOfVersion(database, tenant, asset, version)
  note(
    'nodes',
    { format, ...(format === 'auto' && { preference: preferenceOf(found, accept) }) },
    leaves.map(leaf => show.node(leaf, all, { asker, product })),
  )
  return plan
}

const preferenceOf = (rendition: Rendition, accept: string | undefined): readonly string[] =>
  acceptableFormats(
    rendition.recipe.outputs.map(output => output.format),
    accept,
  )

const tryPlan = async (...wish: Parameters<typeof planDry>): Promise<DryPlan | { readonly refusal: MatrixError }> => {
  try {
    return await planDry(...wish)
  } catch (error) {
    if (isMatrixError(error)) return { refusal: error }
    throw error
  }
}
