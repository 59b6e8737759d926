/**
 * Every combination that `decide` can be asked, against the rules as a person would say them: written from the design and not from
 * the code, they answer what is allowed, hidden or forbidden, and why.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Principal, Scope } from '../../src/model/principal.ts'
import { ACTIONS, type Action, type Decision, decide, type Question, trail } from '../../src/policy/decide.ts'
import { RULES } from '../../src/policy/rules.ts'
import { CASES, type Case, grant, NOW, PRINCIPALS, PRODUCT_SCOPES, principal } from '../support/decisions.ts'

const NEEDS: Readonly<Record<Action, Scope>> = {
  resolve: 'resolve',
  original: 'resolve',
  read: 'assets:read',
  write: 'assets:write',
  publish: 'publish',
  erase: 'assets:erase',
  share: 'share',
}

const NAMES = { link: 'signed-link', share: 'share-link' } as const
const UNMET = { type: 'media-type-outside', label: 'labels-outside', network: 'network-outside' } as const

/** Why the product of the edge hears nothing; `undefined`: the edge holds. */
const silence = ({ edge, time, circumstance: { unmet } }: Case): string | undefined => {
  if (edge === undefined) return 'no-grant'
  if (edge.role === 'none') return 'asset-withheld'
  if (time === 'over') return 'grant-expired'
  if (time === 'to come') return 'grant-not-begun'
  return unmet && UNMET[unmet]
}

/** Said once more, in sentences. */
const expected = (who: Principal | undefined, action: Action, asked: Case): string => {
  const { edge } = asked
  const silent = silence(asked)
  // The public sees the renditions of public edges that hold, and not even that there is more.
  if (who === undefined)
    return silent === undefined && edge?.visibility === 'public' && action === 'resolve'
      ? 'allow public-edge'
      : 'hide anonymous'
  // An administrator of the tenant may do everything.
  if (who.scopes.includes('matrix:admin')) return 'allow administrator'
  // A product hears nothing of what others have, nor of what it has no edge to that holds.
  if (who.product !== 'shop') return 'hide other-product'
  if (silent !== undefined) return `hide ${silent}`
  // What a reader could not share has ceased to be shared.
  if (who.kind === 'share' && edge?.role === 'reader') return 'hide share-withdrawn'
  // From here on it may know; a key does what its scopes say,
  if (!who.scopes.includes(NEEDS[action])) return `forbid scope-missing:${NEEDS[action]}`
  // readers change nothing,
  if (edge?.role === 'reader' && (action === 'write' || action === 'publish' || action === 'erase'))
    return 'forbid reader-never-mutates'
  if (edge?.role === 'reader' && action === 'share') return 'forbid reader-never-shares'
  // only an owner erases,
  if (action === 'erase' && edge?.role !== 'owner') return 'forbid only-owners-erase'
  // and originals are for those who were given them.
  if (action === 'original' && !edge?.originalAccess) return 'forbid originals-closed'
  return who.kind === 'link' || who.kind === 'share' ? `allow ${NAMES[who.kind]}` : `allow role:${edge?.role}`
}

const EFFECTS: ReadonlySet<string> = new Set(['allow', 'forbid', 'hide'])
const said = ({ effect, rule }: Decision): string => `${effect} ${rule}`
const questionOf = (who: Principal | undefined, action: Action, { edge, circumstance }: Case): Question => ({
  principal: who,
  action,
  product: 'shop',
  edge,
  context: { at: NOW, ...circumstance.context },
})

describe.each(PRINCIPALS)('$who', ({ principal: who }) => {
  test.each(ACTIONS)('%s', action => {
    const wrong = CASES.flatMap(asked => {
      const question = questionOf(who, action, asked)
      const answer = said(decide(question))
      const right = expected(who, action, asked)
      return answer === right ? [] : [{ ...asked, answer, right }]
    })
    expect(wrong).toEqual([])
  })

  test('the trail decides what is decided, and asks every rule once', () => {
    const names = RULES.map(({ name }) => name).join()
    const wrong = CASES.flatMap(asked =>
      ACTIONS.flatMap(action => {
        const question = questionOf(who, action, asked)
        const steps = trail(question)
        const deciding = steps
          .filter(({ result }) => EFFECTS.has(result))
          .map(({ rule, result }) => `${result} ${rule}`)
        const asks = steps.map(({ rule }) => rule.split(':')[0]).join()
        return deciding.join() === said(decide(question)) && asks === names ? [] : [{ question, steps }]
      }),
    )
    expect(wrong).toEqual([])
  })
})

test('the table is whole', () => {
  expect(PRINCIPALS.length * ACTIONS.length * CASES.length).toBe(26 * 7 * (4 * 2 * 2 * 10 * 20 + 20))
})

const shop = principal('shop', PRODUCT_SCOPES)
const ask = (asked: Partial<Omit<Question, 'context'>> & { context?: Partial<Question['context']> }): Question => ({
  principal: shop,
  action: 'resolve',
  product: 'shop',
  edge: grant(),
  ...asked,
  context: { at: NOW, ...asked.context },
})

/** A row for each rule, in its order: a question that it decides, and the answer. */
const ROWS: readonly (readonly [Question, string])[] = [
  [ask({ principal: undefined, edge: grant({ visibility: 'public' }) }), 'allow public-edge'],
  [ask({ principal: undefined, edge: grant({ visibility: 'public' }), action: 'read' }), 'hide anonymous'],
  [ask({ principal: principal(undefined, ['matrix:admin']), edge: undefined }), 'allow administrator'],
  [ask({ principal: principal('other', PRODUCT_SCOPES) }), 'hide other-product'],
  [ask({ edge: undefined }), 'hide no-grant'],
  [ask({ edge: grant({ role: 'none' }) }), 'hide asset-withheld'],
  [ask({ edge: grant({ expiresAt: new Date(NOW) }) }), 'hide grant-expired'],
  [ask({ edge: grant({ notBefore: new Date(NOW + 1) }) }), 'hide grant-not-begun'],
  [
    ask({ edge: grant({ conditions: { mediaTypes: ['image/*'] } }), context: { mediaType: 'text/plain' } }),
    'hide media-type-outside',
  ],
  [
    ask({ edge: grant({ conditions: { labels: { any: ['press'] } } }), context: { labels: ['draft'] } }),
    'hide labels-outside',
  ],
  [ask({ edge: grant({ conditions: { networks: { blocks: [], has: () => false } } }) }), 'hide network-outside'],
  [ask({ principal: principal('shop', ['resolve'], 'share') }), 'hide share-withdrawn'],
  [ask({ principal: principal('shop', []) }), 'forbid scope-missing:resolve'],
  [ask({ action: 'publish' }), 'forbid reader-never-mutates'],
  [ask({ edge: grant({ role: 'editor' }), action: 'erase' }), 'forbid only-owners-erase'],
  [ask({ action: 'share' }), 'forbid reader-never-shares'],
  [ask({ action: 'original' }), 'forbid originals-closed'],
  [ask({ principal: principal('shop', ['resolve'], 'link') }), 'allow signed-link'],
  [ask({ principal: principal('shop', ['resolve'], 'share'), edge: grant({ role: 'editor' }) }), 'allow share-link'],
  [ask({ edge: grant({ role: 'editor' }), action: 'write' }), 'allow role:editor'],
]

test('every rule has its row, and every row its rule', () => {
  const ruleOf = (answer: string): string => answer.replace(/^\w+ |:.*$/g, '')
  expect(ROWS.map(([, answer]) => ruleOf(answer))).toEqual(RULES.map(({ name }) => name))
  for (const [question, answer] of ROWS) expect(said(decide(question))).toBe(answer)
})

test('every rule decides something in the table, with its own effect', () => {
  const seen = new Map<string, string>()
  for (const { principal: who } of PRINCIPALS)
    for (const action of ACTIONS)
      for (const asked of CASES) {
        const { effect, rule } = decide(questionOf(who, action, asked))
        seen.set(rule.split(':')[0] ?? '', effect)
      }
  expect([...seen].sort()).toEqual(RULES.map(({ name, effect }) => [name, effect]).sort())
})

test('a token is given what a key is', () => {
  for (const { principal: who } of PRINCIPALS)
    for (const action of ACTIONS)
      for (const asked of CASES.filter((_, index) => index % 37 === 0))
        if (who?.kind === 'key')
          expect(decide(questionOf({ ...who, kind: 'token' }, action, asked))).toEqual(
            decide(questionOf(who, action, asked)),
          )
})

test('an address is asked for by edges with networks alone', () => {
  const address = () => expect.unreachable('nobody needs it')
  for (const { principal: who } of PRINCIPALS)
    for (const action of ACTIONS)
      for (const asked of CASES.filter(({ edge }) => edge?.conditions?.networks === undefined)) {
        const question = questionOf(who, action, asked)
        decide({ ...question, context: { ...question.context, address } })
      }
})

test('docs/access.md has the rules as they are', () => {
  const page = readFileSync(new URL('../../docs/access.md', import.meta.url), 'utf8')
  const rows = RULES.map(({ name, says, effect }, index) => `| ${index + 1} | \`${name}\` | ${says} | ${effect} |`)
  expect(page.match(/^\| \d+ \| `.*$/gm)).toEqual(rows)
})
