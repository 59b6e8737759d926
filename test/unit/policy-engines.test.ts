/** The same questions through the matrix, through Cedar with the policies of the documentation, and through an agent over HTTP. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openBreaker } from '../../src/lib/breaker.ts'
import type { Principal } from '../../src/model/principal.ts'
import { openCedar } from '../../src/policy/cedar.ts'
import { CEDAR_SCHEMA } from '../../src/policy/cedar-schema.ts'
import { decide } from '../../src/policy/decide.ts'
import { type PolicyEngine, type PolicyInput, policyInput } from '../../src/policy/engine.ts'
import { openOpa } from '../../src/policy/opa.ts'
import { openPolicy, type Policy } from '../../src/policy/policy.ts'
import { openMetrics } from '../../src/telemetry/metrics.ts'
import { startOpa } from '../support/opa.ts'
import { objectionsTo, POLICY_CASES, type PolicyCase } from '../support/policy-cases.ts'

const page = await readFile(resolve(import.meta.dirname, '../../docs/access.md'), 'utf8')
const block = (language: string): string => new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? ''

let folder: string
let opa: Awaited<ReturnType<typeof startOpa>>
const engines: Partial<Record<'cedar' | 'opa', PolicyEngine>> = {}
const metrics = openMetrics()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'matrix-engines-'))
  await writeFile(join(folder, 'example.cedar'), block('cedar'))
  engines.cedar = await openCedar(folder)
  opa = await startOpa(input => ({ allow: objectionsTo(input).length === 0, reasons: objectionsTo(input) }))
  engines.opa = openOpa({
    url: opa.url,
    token: undefined,
    deadlineMs: 5_000,
    breaker: openBreaker({ threshold: 5, windowMs: 10_000, openMs: 5_000, halfOpenMax: 3, now: Date.now }),
  })
})
afterAll(async () => {
  await opa.close()
  await rm(folder, { recursive: true, force: true })
})

/** An engine names policies in the order that it likes. */
const ruling = async (policy: Policy, { question, subject }: PolicyCase) => {
  const { effect, rule } = await policy.decide(question, subject)
  const [engine, names] = rule.split(':')
  return {
    effect,
    rule: engine === 'cedar' || engine === 'opa' ? `${engine}:${names?.split(',').sort().join()}` : rule,
  }
}

const expected = (engine: 'cedar' | 'opa', { question, subject }: PolicyCase) => {
  const decision = decide(question)
  const against = objectionsTo(policyInput(question, subject))
  if (decision.effect !== 'allow' || against.length === 0) return decision
  return { effect: question.principal ? 'forbid' : 'hide', rule: `${engine}:${against.join()}` }
}

test('the cases are of all kinds', () => {
  const kinds = POLICY_CASES.map(one => `${decide(one.question).effect} ${expected('cedar', one).effect}`)
  expect([...new Set(kinds)].sort()).toEqual([
    'allow allow',
    'allow forbid',
    'allow hide',
    'forbid forbid',
    'hide hide',
  ])
  const told = POLICY_CASES.flatMap(({ question, subject }) => objectionsTo(policyInput(question, subject)))
  expect([...new Set(told)].sort()).toEqual(['daytime', 'embargo', 'films', 'in-house'])
})

test('the matrix alone decides as it does without engines, and waits for nothing', () => {
  const policy = openPolicy([], metrics)
  for (const { question, subject } of POLICY_CASES) expect(policy.decide(question, subject)).toEqual(decide(question))
})

test.each(['cedar', 'opa'] as const)(
  '%s refuses what its policies forbid, and only of what the matrix allows',
  async name => {
    const engine = engines[name] as PolicyEngine
    const policy = openPolicy([engine], metrics)
    for (const one of POLICY_CASES) expect(await ruling(policy, one), one.name).toEqual(expected(name, one))
  },
)

describe('engines behind the matrix', () => {
  const [allowed] = POLICY_CASES.filter(({ question }) => decide(question).effect === 'allow')
  const saying = (name: 'cedar' | 'opa', objections: readonly string[]) => {
    const asked: PolicyInput[] = []
    const object = (input: PolicyInput) => {
      asked.push(input)
      return objections
    }
    return { name, object, asked }
  }

  test('are not asked about what the matrix refuses, nor about what is not there', async () => {
    const engine = saying('cedar', ['no'])
    const policy = openPolicy([engine], metrics)
    for (const { question, subject } of POLICY_CASES.filter(one => decide(one.question).effect !== 'allow'))
      expect(await policy.decide(question, subject)).toEqual(decide(question))
    expect(await policy.decide((allowed as PolicyCase).question, undefined)).toMatchObject({ effect: 'allow' })
    expect(engine.asked).toEqual([])
  })

  test('are asked in turn until one objects, and each is named in the trail', async () => {
    const { question, subject } = allowed as PolicyCase
    const [calm, strict, never] = [saying('cedar', []), saying('opa', ['a', 'b']), saying('opa', ['c'])]
    const said = await openPolicy([calm, strict, never], metrics).decide({ ...question, principal: undefined }, subject)
    expect(said).toEqual({
      effect: 'hide',
      rule: 'opa:a,b',
      engines: [
        { rule: 'cedar', result: 'passed' },
        { rule: 'opa:a,b', result: 'hide' },
      ],
    })
    expect([calm.asked.length, strict.asked.length, never.asked.length]).toEqual([1, 1, 0])
  })

  test('tell who has a link no more than nobody', async () => {
    const { question, subject } = POLICY_CASES.find(
      one => one.name === 'the owner: resolve a picture at noon from the house',
    ) as PolicyCase
    const policy = openPolicy([saying('cedar', ['a'])], metrics)
    const principal = { ...(question.principal as Principal), kind: 'link' as const }
    expect(await policy.decide({ ...question, principal }, subject)).toMatchObject({ effect: 'hide', rule: 'cedar:a' })
  })

  test('are asked each time', async () => {
    const { question, subject } = allowed as PolicyCase
    const engine = saying('cedar', [])
    const policy = openPolicy([engine], metrics)
    for (let i = 0; i < 3; i++) await policy.decide(question, subject)
    expect(engine.asked).toHaveLength(3)
  })

  test('are counted: who decided, and how', async () => {
    const { question, subject } = allowed as PolicyCase
    const own = openMetrics()
    await openPolicy([saying('cedar', []), saying('opa', ['x'])], own).decide(question, subject)
    await expect(
      openPolicy([{ name: 'opa', object: () => Promise.reject(new Error('lost')) }], own).decide(question, subject),
    ).rejects.toThrow('lost')
    const text = await own.registry.metrics()
    for (const [engine, effect, count] of [
      ['matrix', 'allow', 2],
      ['matrix', 'hide', 0],
      ['cedar', 'allow', 1],
      ['opa', 'forbid', 1],
      ['opa', 'failed', 1],
    ])
      expect(text).toContain(`matrix_policy_decisions_total{engine="${engine}",effect="${effect}"} ${count}`)
    expect(text).toContain('matrix_policy_engine_seconds_count{engine="opa"} 2')
    expect(await own.registry.metrics()).toContain('{engine="matrix",effect="allow"} 2')
  })
})

describe('what the documentation shows', () => {
  test('is the schema that policies are checked against', () => {
    expect(block('cedarschema')).toBe(CEDAR_SCHEMA)
  })

  test('is the question that an agent is asked', () => {
    const shown = JSON.parse(block('json')) as PolicyInput
    const { question, subject } = POLICY_CASES.find(
      one => one.name === 'the agency: resolve a picture under embargo at night from elsewhere',
    ) as PolicyCase
    const { id, scopes } = shown.principal
    const { product, kind, tenant } = question.principal as NonNullable<typeof question.principal>
    const principal = { id, kind, product, tenant, scopes: scopes as never }
    const asset = shown.resource.id
    expect(shown).toEqual(policyInput({ ...question, principal }, { ...subject, asset }))
    expect(objectionsTo(shown)).toEqual(['embargo'])
  })
})
