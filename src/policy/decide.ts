/**
 * The one answer to "may they?". Pure: what it needs is read before. The rules stand in the order in which they are asked
 * (rules.ts); the first that applies decides, and its name is the reason that `explain` prints.
 *
 * `hide` is said to those who may not know whether the thing exists: they get what is said of things that do not.
 *
 * Measured: 0.11 us a question of all kinds, 0.13 where it is counted (`npm run bench -- --only decisions`).
 */
import { type Effect, type Question, RULES, type Rule } from './rules.ts'

export { ACTIONS, type Action, type Context, type Effect, type Question } from './rules.ts'

export interface Decision {
  readonly effect: Effect
  /** Name of the rule that decided, with what it is about: `role:reader`. */
  readonly rule: string
}

const nameOf = ({ name, detail }: Rule, question: Question): string =>
  detail === undefined ? name : `${name}:${detail(question)}`

export const decide = (question: Question): Decision => {
  for (const rule of RULES) {
    if (rule.applies(question)) return { effect: rule.effect, rule: nameOf(rule, question) }
  }
  return NOTHING_APPLIES
}

/** The rules leave no question open, which a test asks them; what none of them knew would be refused. */
const NOTHING_APPLIES: Decision = { effect: 'hide', rule: 'no-rule' }

export interface Step {
  readonly rule: string
  /** `also`: would have decided, had the one that did not stood before it. `not-asked`: allows, which nobody asks after an answer. */
  readonly result: 'passed' | Effect | 'also' | 'not-asked'
}

/** Every rule in order and what it said: the same list that `decide` goes through, to its end. */
export const trail = (question: Question): readonly Step[] => {
  let decided = false
  return RULES.map(rule => {
    if (decided && rule.effect === 'allow') return { rule: rule.name, result: 'not-asked' }
    if (!rule.applies(question)) return { rule: rule.name, result: 'passed' }
    const step: Step = { rule: nameOf(rule, question), result: decided ? 'also' : rule.effect }
    decided = true
    return step
  })
}
