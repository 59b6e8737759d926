/**
 * The matrix, and behind it the engines that are configured: what everybody asks. Engines are asked in turn, about what is
 * allowed so far and about nothing else, so none of them can allow anything; and each time anew, for nothing says how long an
 * objection lasts. Who is nobody in particular (anonymous, or whoever has a link) hears of one as of what is not there.
 */
import { isMatrixError } from '../model/errors.ts'
import type { Principal } from '../model/principal.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { type Decision, decide, type Question, type Step } from './decide.ts'
import { type PolicyEngine, type PolicyInput, policyInput, type Subject } from './engine.ts'

export interface Ruling extends Decision {
  /** What each engine said that was asked, as the trail goes on behind that of the rules. */
  readonly engines?: readonly Step[]
}

export interface Policy {
  /** Whether nothing is asked but the matrix: who decides about many things may then ask for less. */
  readonly isMatrixAlone: boolean
  /** `subject` is `undefined` where there is nothing that the question is about. Rejects with `dependency-unavailable`. */
  decide(question: Question, subject: Subject | undefined): Ruling | Promise<Ruling>
}

const isNobody = (principal: Principal | undefined): boolean =>
  principal === undefined || principal.kind === 'link' || principal.kind === 'share'

type PolicyMetrics = Pick<Metrics, 'matrixDecisions' | 'policyDecisions' | 'policySeconds'>

export const openPolicy = (
  engines: readonly PolicyEngine[],
  { matrixDecisions, policyDecisions, policySeconds }: PolicyMetrics,
): Policy => {
  const objectionsOf = async ({ name: engine, object }: PolicyEngine, input: PolicyInput) => {
    const end = policySeconds.startTimer({ engine })
    try {
      const objections = await object(input)
      policyDecisions.inc({ engine, effect: objections.length > 0 ? 'forbid' : 'allow' })
      return objections
    } catch (error) {
      policyDecisions.inc({ engine, effect: isMatrixError(error, 'dependency-unavailable') ? 'none' : 'failed' })
      throw error
    } finally {
      end()
    }
  }

  const askEngines = async (question: Question, subject: Subject, allowed: Decision): Promise<Ruling> => {
    const input = policyInput(question, subject)
    const steps: Step[] = []
    for (const engine of engines) {
      const objections = await objectionsOf(engine, input)
      if (objections.length > 0) {
        const { principal } = question
        const effect = isNobody(principal) ? 'hide' : 'forbid'
        const rule = `${engine.name}:${objections.join(',')}`
        return { effect, rule, engines: [...steps, { rule, result: effect }] }
      }
      steps.push({ rule: engine.name, result: 'passed' })
    }
    return { ...allowed, engines: steps }
  }

  return {
    isMatrixAlone: engines.length === 0,
    decide(question, subject) {
      const decision = decide(question)
      matrixDecisions[decision.effect]++
      if (engines.length === 0 || decision.effect !== 'allow' || subject === undefined) return decision
      return askEngines(question, subject, decision)
    },
  }
}
