/** Cases of a file and the edges that it brings: asked here as they are asked of the live matrix. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { answerCase, edgesOfFile, PolicyCases, questionOfCase } from '../../src/policy/cases.ts'

const NOW = Date.UTC(2026, 10, 21)
const EDGES = [
  { product: 'shop', collection: 'gallery', role: 'owner', original_access: true },
  { product: 'partner', collection: 'gallery', role: 'reader', conditions: { labels: { any: ['press'] } } },
  { product: 'partner', collection: 'gallery', asset: 'portrait', role: 'none' },
  { product: 'guest', collection: 'gallery', asset: 'portrait', role: 'editor', not_before: '2026-12-01T00:00:00Z' },
  {
    product: 'web',
    collection: 'gallery',
    role: 'reader',
    visibility: 'public',
    conditions: { networks: ['10.0.0.0/8'] },
  },
]

const ask = (one: object, edges: object[] = EDGES) => {
  const file = PolicyCases.parse({ cases: [{ expect: 'allow', ...one }], edges })
  const [asked] = file.cases
  const grounds = { edges: edgesOfFile(file.edges ?? [], asked!) }
  return answerCase(asked!, questionOfCase(asked!, grounds, { tenant: 'file', now: NOW }))
}
const partner = { principal: { product: 'partner' }, collection: 'gallery', action: 'resolve' }

test.each([
  [
    'an owner publishes',
    { principal: { product: 'shop' }, action: 'publish', collection: 'gallery' },
    'allow role:owner',
  ],
  ['without the label', partner, 'hide labels-outside'],
  ['with it', { ...partner, context: { labels: ['press'] } }, 'allow role:reader'],
  ['withheld', { ...partner, asset: 'portrait', context: { labels: ['press'] } }, 'hide asset-withheld'],
  [
    'another asset of the collection',
    { ...partner, asset: 'landscape', context: { labels: ['press'] } },
    'allow role:reader',
  ],
  [
    'fewer scopes',
    { ...partner, principal: { product: 'partner', scopes: [] }, context: { labels: ['press'] } },
    'forbid scope-missing:resolve',
  ],
  ['too early', { principal: { product: 'guest' }, action: 'write', asset: 'portrait' }, 'hide grant-not-begun'],
  [
    'later',
    { principal: { product: 'guest' }, action: 'write', asset: 'portrait', context: { at: '2026-12-02T00:00:00Z' } },
    'allow role:editor',
  ],
  [
    'the collection around it',
    { principal: { product: 'guest' }, action: 'read', collection: 'gallery' },
    'hide no-grant',
  ],
  [
    'from inside',
    {
      principal: 'anonymous',
      product: 'web',
      action: 'resolve',
      collection: 'gallery',
      context: { address: '10.0.0.1' },
    },
    'allow public-edge',
  ],
  [
    'from outside',
    {
      principal: 'anonymous',
      product: 'web',
      action: 'resolve',
      collection: 'gallery',
      context: { address: '11.0.0.1' },
    },
    'hide anonymous',
  ],
  [
    'an administrator',
    { principal: 'administrator', product: 'nobody', action: 'publish', collection: 'none' },
    'allow administrator',
  ],
  ['in the name of another', { ...partner, product: 'shop' }, 'hide other-product'],
])('%s', (_what, one, answer) => {
  const { effect, rule } = ask(one)
  expect(`${effect} ${rule}`).toBe(answer)
})

describe('an answer', () => {
  test('passes with the expected effect, and the rule where one is expected', () => {
    const pass = (expected: unknown) => ask({ ...partner, expect: expected }).passed
    expect(pass('hide')).toBe(true)
    expect(pass('allow')).toBe(false)
    expect(pass({ effect: 'hide', rule: 'labels-outside' })).toBe(true)
    expect(pass({ effect: 'hide', rule: 'no-grant' })).toBe(false)
  })

  test('is named by the case, or by what it asks', () => {
    expect(ask({ ...partner, name: 'press pictures' }).name).toBe('press pictures')
    expect(ask(partner).name).toBe('partner may resolve gallery as partner')
  })
})

test.each([
  ['about nothing', { principal: { product: 'shop' }, action: 'read' }],
  ['in nobody’s name', { principal: 'anonymous', action: 'read', collection: 'gallery' }],
  ['an action that is none', { ...partner, action: 'delete' }],
  ['a word too many', { ...partner, because: 'x' }],
])('a case %s is refused', (_what, one) => {
  expect(PolicyCases.safeParse({ cases: [{ expect: 'allow', ...one }] }).success).toBe(false)
})

test('two edges for one cell are refused', () => {
  const [edge] = EDGES
  const cases = [{ ...partner, expect: 'allow' }]
  expect(PolicyCases.safeParse({ cases, edges: [edge, { ...edge, role: 'reader' }] }).success).toBe(false)
})

test('the file of docs/access.md holds, with the edge of the page', () => {
  const page = readFileSync(new URL('../../docs/access.md', import.meta.url), 'utf8')
  const [, yaml = ''] = /```yaml\n(# policy\.yaml\n[\s\S]*?)```/.exec(page) ?? []
  const [, edge = ''] = /```\nPUT \/v1\/collections\/photos\/grants\/partner\n([\s\S]*?)```/.exec(page) ?? []
  const file = PolicyCases.parse(parse(yaml))
  const edges = [{ product: 'partner', collection: 'photos', ...JSON.parse(edge) }]
  for (const one of file.cases) expect(ask(one, edges), one.name).toMatchObject({ passed: true })
})
