/** What has to be so of any two questions of which one is narrower: nothing that is taken away gives, and no condition opens. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Conditions, readConditions } from '../../src/model/conditions.ts'
import { type Principal, SCOPES } from '../../src/model/principal.ts'
import type { Edges, Grant } from '../../src/model/product.ts'
import { ACTIONS, decide, type Question } from '../../src/policy/decide.ts'
import { governing } from '../../src/policy/governing.ts'
import { NOW } from '../support/decisions.ts'

const few = <T>(...values: T[]) => fc.constantFrom(...values)
const LABELS = ['press', 'winter', 'summer']
const someLabels = fc.subarray(LABELS, { minLength: 1 })
const conditions: fc.Arbitrary<Conditions | undefined> = fc.option(
  fc
    .record(
      {
        mediaTypes: fc.subarray(['image/*', 'image/png', 'text/plain'], { minLength: 1 }),
        labels: fc.oneof(fc.record({ all: someLabels }), fc.record({ any: someLabels })),
        networks: fc.subarray(['10.0.0.0/8', '2001:db8::/32', '0.0.0.0/0'], { minLength: 1 }),
      },
      { requiredKeys: [] },
    )
    .map(stored => readConditions(stored)),
  { nil: undefined },
)
const moment = fc.option(
  fc.integer({ min: -2, max: 2 }).map(off => new Date(NOW + off)),
  { nil: undefined },
)
const grantOf = <R extends Grant['role']>(...roles: R[]) =>
  fc.record({
    role: few(...roles),
    originalAccess: fc.boolean(),
    attributePaths: fc.constant(undefined),
    visibility: few('private' as const, 'public' as const),
    notBefore: moment,
    expiresAt: moment,
    conditions,
  })
const principal: fc.Arbitrary<Principal | undefined> = fc.option(
  fc.record({
    tenant: fc.constant('demo'),
    kind: few('key' as const, 'token' as const, 'link' as const),
    id: fc.constant('id'),
    product: few('shop', 'other', undefined),
    scopes: fc.subarray([...SCOPES]),
  }),
  { nil: undefined },
)
const context = fc.record({
  at: fc.constant(NOW),
  mediaType: few('image/png', 'image/jpeg', 'text/plain', undefined),
  labels: fc.option(fc.subarray(LABELS), { nil: undefined }),
  address: few('10.0.0.1', '::ffff:10.0.0.1', '2001:db8::1', '203.0.113.9', undefined).map(one => () => one),
})
const question: fc.Arbitrary<Question> = fc.record({
  principal,
  action: few(...ACTIONS),
  product: few('shop', 'other'),
  edge: fc.option(grantOf('none', 'reader', 'editor', 'owner'), { nil: undefined }),
  context,
})

const LOWER = { owner: 'editor', editor: 'reader', reader: 'none', none: 'none' } as const
const lowest = (one: Date | undefined, other: Date): Date => (one !== undefined && one < other ? one : other)
const latest = (one: Date | undefined, other: Date): Date => (one !== undefined && one > other ? one : other)

/** Each takes one thing away. */
const narrowed = (grant: Grant, added: Conditions | undefined, when: Date): Record<string, Grant> => ({
  role: { ...grant, role: LOWER[grant.role] },
  originals: { ...grant, originalAccess: false },
  visibility: { ...grant, visibility: 'private' },
  end: { ...grant, expiresAt: lowest(grant.expiresAt, when) },
  begin: { ...grant, notBefore: latest(grant.notBefore, when) },
  // What is asked for already stays: another list in its place might be a wider one.
  condition: { ...grant, conditions: { ...added, ...grant.conditions } },
})

const isAllowed = (asked: Question): boolean => decide(asked).effect === 'allow'
const when = fc.integer({ min: -2, max: 2 }).map(off => new Date(NOW + off))
const runs = { numRuns: 3000 }

describe('nothing that is taken away gives', () => {
  test('a scope', () => {
    fc.assert(
      fc.property(question, few(...SCOPES), (asked, scope) => {
        const { principal: who } = asked
        if (who === undefined || isAllowed(asked)) return
        const less = { ...who, scopes: who.scopes.filter(one => one !== scope) }
        expect(isAllowed({ ...asked, principal: less })).toBe(false)
      }),
      runs,
    )
  })

  test('anything of an edge, or the edge', () => {
    fc.assert(
      fc.property(question, conditions, when, (asked, added, at) => {
        if (isAllowed(asked)) return
        expect(isAllowed({ ...asked, edge: undefined })).toBe(false)
        if (asked.edge === undefined) return
        for (const [what, edge] of Object.entries(narrowed(asked.edge, added, at)))
          expect(isAllowed({ ...asked, edge }), what).toBe(false)
      }),
      runs,
    )
  })

  test('what is known: nothing that is not told opens anything', () => {
    fc.assert(
      fc.property(question, asked => {
        if (isAllowed(asked)) return
        expect(isAllowed({ ...asked, context: { at: asked.context.at } })).toBe(false)
      }),
      runs,
    )
  })
})

describe('of two edges one answers', () => {
  const edges = fc.record({
    collection: fc.option(grantOf('reader', 'editor', 'owner'), { nil: undefined }),
    asset: fc.option(grantOf('none', 'reader', 'editor', 'owner'), { nil: undefined }),
  })
  const of = ({ collection, asset }: { collection: Grant | undefined; asset: Grant | undefined }): Grant | undefined =>
    governing({ collection, asset: asset && { ...asset, product: 'shop' } } as Edges, NOW)
  const ask = (asked: Question, both: Parameters<typeof of>[0]): boolean => isAllowed({ ...asked, edge: of(both) })

  test('what is taken from either gives nothing, but for what ends: an exception, and being an owner', () => {
    fc.assert(
      fc.property(question, edges, conditions, when, (asked, both, added, at) => {
        if (ask(asked, both)) return
        const { collection, asset } = both
        for (const [what, less] of Object.entries(collection ? narrowed(collection, added, at) : {})) {
          if (what === 'role' && collection?.role === 'owner') continue
          if (less.role === 'none') continue
          expect(ask(asked, { collection: less, asset }), `collection ${what}`).toBe(false)
        }
        for (const [what, less] of Object.entries(asset ? narrowed(asset, added, at) : {})) {
          if (what !== 'end') expect(ask(asked, { collection, asset: less }), `asset ${what}`).toBe(false)
        }
      }),
      runs,
    )
  })

  test('nothing that is said of its assets takes anything from an owner of the collection, or gives it', () => {
    fc.assert(
      fc.property(edges, ({ collection, asset }) => {
        if (collection?.role !== 'owner') return
        expect(of({ collection, asset })).toBe(collection)
      }),
      runs,
    )
  })

  test('an edge on the asset answers alone, until it ends', () => {
    fc.assert(
      fc.property(edges, both => {
        const { collection, asset } = both
        if (asset === undefined || collection?.role === 'owner') return
        const isOver = asset.expiresAt !== undefined && asset.expiresAt.getTime() <= NOW
        expect(of(both)).toEqual(isOver ? collection : { ...asset, product: 'shop' })
      }),
      runs,
    )
  })
})
