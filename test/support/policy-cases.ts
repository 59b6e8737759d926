/**
 * Questions of all kinds, and the policies of docs/access.md said once more as statements about what an engine is told. The same
 * list is asked of the matrix, of Cedar and of an agent over HTTP.
 */
import type { Principal, Scope } from '../../src/model/principal.ts'
import type { Grant, Role } from '../../src/model/product.ts'
import { ACTIONS, type Action, type Question } from '../../src/policy/decide.ts'
import type { PolicyInput, Subject } from '../../src/policy/engine.ts'

const grant = (role: Role, visibility: 'private' | 'public' = 'private'): Grant => ({
  role,
  originalAccess: true,
  attributePaths: undefined,
  visibility,
  notBefore: undefined,
  expiresAt: undefined,
  conditions: undefined,
})

const ALL: readonly Scope[] = ['resolve', 'assets:read', 'assets:write', 'publish']
const key = (product: string | undefined, scopes: readonly Scope[] = ALL): Principal => ({
  tenant: 'demo',
  kind: 'key',
  id: `key_of_${product ?? 'admin'}`,
  product,
  scopes,
})

/** Who asks in whose name, by which edge. */
const ASKERS: readonly { who: string; principal: Principal | undefined; product: string; edge: Grant | undefined }[] = [
  { who: 'nobody, in public', principal: undefined, product: 'shop', edge: grant('reader', 'public') },
  { who: 'nobody', principal: undefined, product: 'shop', edge: grant('reader') },
  { who: 'an administrator', principal: key(undefined, ['matrix:admin']), product: 'shop', edge: undefined },
  { who: 'the press office', principal: key('press'), product: 'press', edge: grant('reader') },
  { who: 'the agency', principal: key('agency'), product: 'agency', edge: grant('editor') },
  {
    who: 'the agency, with a key that only resolves',
    principal: key('agency', ['resolve']),
    product: 'agency',
    edge: grant('editor'),
  },
  { who: 'the owner', principal: key('shop'), product: 'shop', edge: grant('owner') },
  { who: 'a stranger', principal: key('stranger'), product: 'stranger', edge: undefined },
  { who: 'one product as another', principal: key('agency'), product: 'shop', edge: grant('owner') },
]

const ASSETS: readonly { what: string; labels: readonly string[]; mediaType: string | undefined }[] = [
  { what: 'a picture', labels: [], mediaType: 'image/jpeg' },
  { what: 'a picture under embargo', labels: ['embargo'], mediaType: 'image/jpeg' },
  { what: 'an internal film', labels: ['internal'], mediaType: 'video/mp4' },
  { what: 'an internal thing under embargo', labels: ['embargo', 'internal'], mediaType: undefined },
]

const MOMENTS: readonly { when: string; at: string; address: string | undefined }[] = [
  { when: 'at noon from the house', at: '2026-11-21T12:00:00.000Z', address: '10.1.2.3' },
  { when: 'at night from elsewhere', at: '2026-11-21T22:00:00.000Z', address: '192.0.2.7' },
  { when: 'at six from nowhere known', at: '2026-11-21T06:00:00.000Z', address: undefined },
  { when: 'at eight in the evening over IPv6', at: '2026-11-21T20:00:00.000Z', address: '2001:db8::1' },
]

export interface PolicyCase {
  readonly name: string
  readonly question: Question
  readonly subject: Subject
}

const casesOf = (action: Action): readonly PolicyCase[] =>
  ASKERS.flatMap(({ who, principal, product, edge }) =>
    MOMENTS.flatMap(({ when, at, address }) => {
      const moment = { at: Date.parse(at), address: () => address }
      const collection: PolicyCase = {
        name: `${who}: ${action} in the collection ${when}`,
        question: { principal, action, product, edge, context: { ...moment, labels: [] } },
        subject: { tenant: 'demo', collection: 'photos', asset: undefined, rendition: undefined },
      }
      const assets = ASSETS.map(
        ({ what, labels, mediaType }): PolicyCase => ({
          name: `${who}: ${action} ${what} ${when}`,
          question: { principal, action, product, edge, context: { ...moment, labels, mediaType } },
          subject: { tenant: 'demo', collection: 'photos', asset: crypto.randomUUID(), rendition: 'card' },
        }),
      )
      return [collection, ...assets]
    }),
  )

export const POLICY_CASES: readonly PolicyCase[] = ACTIONS.flatMap(casesOf)

/** What stands against it, by the names of the policies. */
const OBJECTIONS: Readonly<Record<string, (input: PolicyInput) => boolean>> = {
  embargo: ({ resource, principal, action }) =>
    resource.type === 'asset' &&
    ['resolve', 'original', 'read'].includes(action) &&
    resource.labels.includes('embargo') &&
    principal.product !== 'press',
  'in-house': ({ resource, context }) =>
    resource.type === 'asset' && resource.labels.includes('internal') && !context.client?.startsWith('10.'),
  films: ({ resource, action, context }) =>
    resource.type === 'asset' &&
    action === 'original' &&
    resource.media_type?.startsWith('video/') === true &&
    context.role !== 'owner',
  daytime: ({ principal, action, context }) => {
    const hour = new Date(context.at).getUTCHours()
    return principal.product === 'agency' && ['write', 'publish'].includes(action) && (hour < 6 || hour >= 20)
  },
}

export const objectionsTo = (input: PolicyInput): readonly string[] =>
  Object.entries(OBJECTIONS)
    .filter(([, applies]) => applies(input))
    .map(([name]) => name)
    .sort()
