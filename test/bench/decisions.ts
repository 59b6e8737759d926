/** What a decision costs: the matrix alone, and with each engine behind it. The questions are those of the tests, 900 kinds. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBreaker } from '../../src/lib/breaker.ts'
import { openCedar } from '../../src/policy/cedar.ts'
import { decide } from '../../src/policy/decide.ts'
import { policyInput } from '../../src/policy/engine.ts'
import { openOpa } from '../../src/policy/opa.ts'
import { openPolicy, type Policy } from '../../src/policy/policy.ts'
import { openMetrics } from '../../src/telemetry/metrics.ts'
import { startOpa } from '../support/opa.ts'
import { objectionsTo, POLICY_CASES } from '../support/policy-cases.ts'
import { quantile, type Row, type Table } from './report.ts'

const ROUNDS = 5
const FAST_QUESTIONS = 900_000
const SLOW_QUESTIONS = 3_000

const allowed = POLICY_CASES.filter(({ question }) => decide(question).effect === 'allow')

/** Best of the rounds, ns: whatever else runs only adds. */
const nanoseconds = (ask: (index: number) => unknown): number => {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const begin = performance.now()
    for (let i = 0; i < FAST_QUESTIONS; i++) ask(i)
    return ((performance.now() - begin) * 1e6) / FAST_QUESTIONS
  })
  return Math.min(...rounds)
}

const fastRow = (what: string, ask: (index: number) => unknown): Row => [what, nanoseconds(ask).toFixed(0)]

/** Of questions that an engine is asked, one after the other in each of so many lanes. */
const slowRow = async (what: string, policy: Policy, lanes = 1): Promise<Row> => {
  const took: number[] = []
  const lane = async (first: number): Promise<void> => {
    for (let i = first; i < SLOW_QUESTIONS; i += lanes) {
      const { question, subject } = allowed[i % allowed.length] as (typeof allowed)[number]
      const begin = performance.now()
      await policy.decide(question, subject)
      took.push(performance.now() - begin)
    }
  }
  await lane(0) // compiled, connected
  took.length = 0
  const begin = performance.now()
  await Promise.all(Array.from({ length: lanes }, (_, first) => lane(first)))
  const perSecond = took.length / ((performance.now() - begin) / 1000)
  return [what, quantile(took, 0.5).toFixed(2), quantile(took, 0.99).toFixed(2), perSecond.toFixed(0)]
}

const EMBARGO = 'forbid (principal, action, resource is Asset) when { resource.labels.contains("embargo") };'
/** One that applies to all of them, and others about other collections. */
const policiesOf = (count: number): string =>
  [
    EMBARGO,
    ...Array.from({ length: count - 1 }, (_, i) => `forbid (principal, action, resource in Collection::"other-${i}");`),
  ].join('\n')

export const decisions = async (): Promise<Table[]> => {
  const metrics = openMetrics()
  const alone = openPolicy([], metrics)
  const folder = await mkdtemp(join(tmpdir(), 'matrix-bench-policies-'))
  const opa = await startOpa(input => ({ allow: objectionsTo(input).length === 0, reasons: objectionsTo(input) }))
  try {
    const matrix = [
      fastRow('decide', i => decide(POLICY_CASES[i % POLICY_CASES.length]?.question as never)),
      fastRow('policy.decide, no engine', i => {
        const { question, subject } = POLICY_CASES[i % POLICY_CASES.length] as (typeof POLICY_CASES)[number]
        return alone.decide(question, subject)
      }),
      fastRow('what an engine is told', i => {
        const { question, subject } = POLICY_CASES[i % POLICY_CASES.length] as (typeof POLICY_CASES)[number]
        return policyInput(question, subject)
      }),
    ]
    const engines: Row[] = []
    for (const count of [1, 10, 100]) {
      const file = join(folder, `${count}.cedar`)
      await writeFile(file, policiesOf(count))
      engines.push(await slowRow(`Cedar, ${count} policies`, openPolicy([await openCedar(file)], metrics)))
    }
    const breaker = openBreaker({ threshold: 5, windowMs: 10_000, openMs: 5_000, halfOpenMax: 3, now: Date.now })
    const options = { url: opa.url, token: undefined, deadlineMs: 5_000, breaker }
    const agent = openPolicy([openOpa(options)], metrics)
    engines.push(
      await slowRow('agent over loopback', agent),
      await slowRow('agent over loopback, 16 at once', agent, 16),
    )
    return [
      {
        title: 'Decisions of the matrix',
        note: `${POLICY_CASES.length} kinds of questions in turn, best of ${ROUNDS} rounds.`,
        columns: ['', 'ns'],
        rows: matrix,
      },
      {
        title: 'Decisions with an engine',
        note: 'Questions that the matrix allows, one after the other. The agent is a table behind HTTP in the same process: what the way there costs, not what Rego does.',
        columns: ['', 'p50 ms', 'p99 ms', 'decisions/s'],
        rows: engines,
      },
    ]
  } finally {
    await opa.close()
    await rm(folder, { recursive: true, force: true })
  }
}
