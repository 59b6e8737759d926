/**
 * Many questions of one caller at once, each answered as if it had been asked alone.
 *
 * All of them are looked at together: two statements however many there are, one that asks whether what is kept still holds
 * and one for the rest. What has to be made is planned a few at a time, for a plan is a transaction; all of it is waited for
 * together, and looked at together once more.
 *
 * What is the matter with one question is told of it alone. What is the matter with the caller or with us fails all of them,
 * so that they are asked again.
 */
import { inLanes } from '../lib/in-lanes.ts'
import type { ResolveFacts } from '../manifest/resolve-read.ts'
import { isMatrixError, type MatrixError } from '../model/errors.ts'
import type { Hex } from '../model/ids.ts'
import type { Grant } from '../model/product.ts'
import type { Answer, Pending } from './answer.ts'
import { permit } from './permit.ts'
import { answerFrom, keyOf, type Question, type ResolveDependencies } from './resolve.ts'

/** An answer with what it rests on, or the refusal. */
export type Outcome = Answered | { readonly refusal: MatrixError }

export interface Answered {
  readonly answer: Answer
  readonly facts: ResolveFacts
  readonly edge: Grant | undefined
}

/** Without what proves itself by the path: these come with a credential. Waits for as long as the first of them says. */
export type Asked = Omit<Question, 'signed' | 'shareHash'>

export type ResolveMany = (questions: readonly Asked[]) => Promise<readonly Outcome[]>

/** Plans at once: less than half of a gateway's connections, so that single questions find one. */
const PLANS_AT_ONCE = 4
/** An engine elsewhere is asked so many questions at a time. */
const JUDGED_AT_ONCE = 16

const FAIL_ALL = new Set(['unauthenticated', 'internal', 'dependency-unavailable', 'dependency-timeout'])

const told = (error: unknown): { refusal: MatrixError } => {
  if (!isMatrixError(error) || FAIL_ALL.has(error.code)) throw error
  return { refusal: error }
}

export const isRefused = (outcome: Outcome): outcome is { readonly refusal: MatrixError } => 'refusal' in outcome

interface Place {
  readonly index: number
  readonly question: Asked
}

export const openResolveMany = (dependencies: ResolveDependencies): ResolveMany => {
  const { tenant, readAll, demand, waitForNodes, waitForPublication } = dependencies

  const judge = async (facts: ResolveFacts, question: Asked): Promise<Outcome> => {
    try {
      const edge = await permit(dependencies, facts, question)
      return { facts, edge, answer: answerFrom(facts, question, { tenant, edge }) }
    } catch (error) {
      return told(error)
    }
  }

  const look = async (questions: readonly Asked[]): Promise<Outcome[]> => {
    const all = await readAll(questions.map(question => keyOf(tenant, question)))
    questions[0]?.learn?.(all[0]?.browser)
    const judged = await inLanes(all, {
      atOnce: JUDGED_AT_ONCE,
      work: (facts, index) => judge(facts, questions[index] as Asked),
    })
    return judged as Outcome[]
  }

  return async questions => {
    const [{ waitMs = 0, signal } = {}] = questions
    const deadline = performance.now() + waitMs
    const outcomes = await look(questions)
    const open = <Kind extends Answer['kind']>(kind: Kind): (Place & { answer: Extract<Answer, { kind: Kind }> })[] =>
      questions.flatMap((question, index) => {
        const outcome = outcomes[index]
        if (outcome === undefined || isRefused(outcome) || outcome.answer.kind !== kind) return []
        return [{ index, question, answer: outcome.answer as Extract<Answer, { kind: Kind }> }]
      })
    /** After a wait, in which the credential may have ended: it is proven anew once, for all. */
    const lookAgain = async (places: readonly Place[]): Promise<void> => {
      const [first] = places
      if (first === undefined) return
      const { proven: before } = first.question
      const proven = before?.renew ? await before.renew() : before
      const again = await look(places.map(({ question }) => ({ ...question, proven })))
      for (const [at, { index }] of places.entries()) outcomes[index] = again[at] as Outcome
    }
    const left = (): number => deadline - performance.now()

    const unpublished = waitMs > 0 ? open('unpublished') : []
    await Promise.all(
      unpublished.map(({ answer }) =>
        waitForPublication([{ tenant: answer.tenant, key: answer.asset }], { waitMs: left(), signal }),
      ),
    )
    await lookAgain(unpublished)

    const pending = open('pending')
    const waits: Promise<void>[] = []
    const plan = async ({ index, question, answer }: Place & { answer: Pending }): Promise<void> => {
      const { format, accept, account, traceparent } = question
      try {
        const nodes: readonly Hex[] = await demand({ ...answer, format, accept, account, traceparent })
        const refs = nodes.map(key => ({ tenant: answer.tenant, key }))
        if (left() > 0) waits.push(waitForNodes(refs, { waitMs: left(), signal }))
      } catch (error) {
        outcomes[index] = told(error)
      }
    }
    await inLanes(pending, { atOnce: PLANS_AT_ONCE, work: plan })
    await Promise.all(waits)
    await lookAgain(pending.filter(({ index }) => !isRefused(outcomes[index] as Outcome)))
    return outcomes
  }
}
