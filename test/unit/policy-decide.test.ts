/**
 * Every combination that `decide` can be asked, against the rules as a person would say them. The rules below are written from
 * the design and not from the code: each answers alone whether something is allowed, hidden or forbidden.
 */
import { describe, expect, test } from 'vitest'
import { type Principal, SCOPES, type Scope } from '../../src/model/principal.ts'
import { type Edge, ROLES } from '../../src/model/product.ts'
import { ACTIONS, type Action, decide } from '../../src/policy/decide.ts'

const NOW = Date.UTC(2026, 10, 21)
const principal = (
  product: string | undefined,
  scopes: readonly Scope[],
  kind: Principal['kind'] = 'key',
): Principal => ({
  tenant: 'demo',
  kind,
  id: 'key_1',
  product,
  scopes,
})

const NEEDS: Readonly<Record<Action, Scope>> = {
  resolve: 'resolve',
  original: 'resolve',
  read: 'assets:read',
  write: 'assets:write',
  publish: 'publish',
  share: 'share',
}
const scopeSets: readonly (readonly Scope[])[] = [
  [],
  ...SCOPES.filter(s => s !== 'matrix:admin').map(s => [s]),
  SCOPES.filter(s => s !== 'matrix:admin'),
]

const PRINCIPALS: readonly { readonly who: string; readonly principal: Principal | undefined }[] = [
  { who: 'anonymous', principal: undefined },
  { who: 'administrator', principal: principal(undefined, ['matrix:admin']) },
  ...scopeSets.flatMap(scopes => [
    { who: `shop with ${scopes.join()}`, principal: principal('shop', scopes) },
    { who: `other with ${scopes.join()}`, principal: principal('other', scopes) },
  ]),
  { who: 'a signed URL of shop', principal: principal('shop', ['resolve'], 'link') },
  { who: 'a signed URL of other', principal: principal('other', ['resolve'], 'link') },
  { who: 'a share link of shop', principal: principal('shop', ['resolve'], 'share') },
  { who: 'a share link of other', principal: principal('other', ['resolve'], 'share') },
]

const ENDS = { never: undefined, later: NOW + 1, now: NOW, before: NOW - 1 } as const
const EDGES: readonly (Edge | undefined)[] = [
  undefined,
  ...ROLES.flatMap(role =>
    [true, false].flatMap(originalAccess =>
      (['private', 'public'] as const).flatMap(visibility =>
        Object.values(ENDS).map(end => ({
          product: 'shop',
          role,
          originalAccess,
          attributePaths: undefined,
          privateMetadata: false,
          visibility,
          delivery: 'redirect' as const,
          notBefore: undefined,
          expiresAt: end === undefined ? undefined : new Date(end),
          conditions: undefined,
        })),
      ),
    ),
  ),
]

/** Said once more, in sentences. */
const expected = (who: Principal | undefined, action: Action, edge: Edge | undefined): 'allow' | 'forbid' | 'hide' => {
  const hasGrant = edge !== undefined && (edge.expiresAt === undefined || edge.expiresAt > new Date(NOW))
  const isAdministrator = who?.scopes.includes('matrix:admin') === true
  // An administrator of the tenant may do everything.
  if (isAdministrator) return 'allow'
  // The public sees the renditions of public edges while their grant lasts, and not even that there is more.
  if (who === undefined) return hasGrant && edge.visibility === 'public' && action === 'resolve' ? 'allow' : 'hide'
  // A product hears nothing of what it has no grant for, nor of what others have.
  if (who.product !== 'shop' || !hasGrant) return 'hide'
  // What a reader could not share has ceased to be shared.
  if (who.kind === 'share' && edge.role === 'reader') return 'hide'
  // From here on it may know; a key does what its scopes say,
  const mayAtAll = who.scopes.includes(NEEDS[action])
  // readers change nothing and show nothing to others,
  const mayChange = edge.role !== 'reader' || (action !== 'write' && action !== 'publish' && action !== 'share')
  // and originals are for those who were given them.
  const mayHaveOriginal = action !== 'original' || edge.originalAccess
  return mayAtAll && mayChange && mayHaveOriginal ? 'allow' : 'forbid'
}

describe.each(PRINCIPALS)('$who', ({ principal: who }) => {
  test.each(ACTIONS)('%s', action => {
    for (const edge of EDGES) {
      const { effect, rule } = decide({ principal: who, action, product: 'shop', edge, context: { at: NOW } })
      expect(effect, JSON.stringify(edge)).toBe(expected(who, action, edge))
      expect(rule).toMatch(/^[a-z]+(-[a-z]+)*(:[a-z:]+)?$/)
    }
  })
})

test('the table is whole', () => {
  expect(PRINCIPALS.length * ACTIONS.length * EDGES.length).toBe(20 * 6 * 49)
  const effects = new Set(
    PRINCIPALS.flatMap(({ principal: who }) =>
      ACTIONS.flatMap(action => EDGES.map(edge => expected(who, action, edge))),
    ),
  )
  expect([...effects].sort()).toEqual(['allow', 'forbid', 'hide'])
})
