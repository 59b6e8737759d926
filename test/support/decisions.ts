/** Everything that `decide` can be asked, by the dimensions that matter to it. */
import { type Conditions, readConditions } from '../../src/model/conditions.ts'
import { type Principal, SCOPES, type Scope } from '../../src/model/principal.ts'
import { type Grant, ROLES } from '../../src/model/product.ts'
import type { Context } from '../../src/policy/decide.ts'

export const NOW = Date.UTC(2026, 10, 21)
export const PRODUCT_SCOPES = SCOPES.filter(scope => scope !== 'matrix:admin')

export const principal = (
  product: string | undefined,
  scopes: readonly Scope[],
  kind: Principal['kind'] = 'key',
): Principal => ({ tenant: 'demo', kind, id: `${kind}_1`, product, scopes })

export const grant = (said: Partial<Grant> = {}): Grant => ({
  role: 'reader',
  originalAccess: false,
  attributePaths: undefined,
  visibility: 'private',
  notBefore: undefined,
  expiresAt: undefined,
  conditions: undefined,
  ...said,
})

/** Nobody, an administrator, and the product that is asked about and another: with no scope, with one, with all, and by links. */
export const PRINCIPALS: readonly { readonly who: string; readonly principal: Principal | undefined }[] = [
  { who: 'anonymous', principal: undefined },
  { who: 'administrator', principal: principal(undefined, ['matrix:admin']) },
  ...[[], ...PRODUCT_SCOPES.map(scope => [scope]), PRODUCT_SCOPES].flatMap(scopes => [
    { who: `shop with ${scopes.join() || 'nothing'}`, principal: principal('shop', scopes) },
    { who: `other with ${scopes.join() || 'nothing'}`, principal: principal('other', scopes) },
  ]),
  ...(['shop', 'other'] as const).flatMap(product => [
    { who: `a signed URL of ${product}`, principal: principal(product, ['resolve'], 'link') },
    { who: `a share link of ${product}`, principal: principal(product, ['resolve'], 'share') },
  ]),
]

interface Time extends Pick<Grant, 'notBefore' | 'expiresAt'> {
  readonly time: 'over' | 'to come' | 'now'
}
const time = (verdict: Time['time'], from: number | undefined, to: number | undefined): Time => ({
  time: verdict,
  notBefore: from === undefined ? undefined : new Date(NOW + from),
  expiresAt: to === undefined ? undefined : new Date(NOW + to),
})
export const TIMES: readonly Time[] = [
  time('now', undefined, undefined),
  time('now', undefined, 1),
  time('over', undefined, 0),
  time('over', undefined, -1),
  time('now', -1, undefined),
  time('now', 0, undefined),
  time('to come', 1, undefined),
  time('now', -1, 1),
  time('to come', 1, 2),
  time('over', -2, -1),
]

export interface Circumstance {
  readonly name: string
  readonly conditions: Conditions | undefined
  readonly context: Omit<Context, 'at'>
  /** Which of its conditions is not met, in the order of the rules. */
  readonly unmet: 'type' | 'label' | 'network' | undefined
}

const here = { mediaType: 'image/png', labels: ['winter', 'press'], address: () => '10.1.2.3' }
const nowhere = { address: () => undefined }
const all = { mediaTypes: ['image/*'], labels: { all: ['press'], any: ['summer', 'winter'] }, networks: ['10.0.0.0/8'] }
const so = (
  name: string,
  conditions: Parameters<typeof readConditions>[0],
  context: Omit<Context, 'at'>,
  unmet?: Circumstance['unmet'],
): Circumstance => ({ name, conditions: readConditions(conditions), context, unmet })

export const CIRCUMSTANCES: readonly Circumstance[] = [
  so('no conditions, nothing known', undefined, {}),
  so('no conditions, all known', undefined, here),
  so('its type', { mediaTypes: ['image/png'] }, here),
  so('its kind of type', { mediaTypes: ['video/*', 'image/*'] }, here),
  so('another type', { mediaTypes: ['image/jpeg'] }, here, 'type'),
  so('a type that is not known', { mediaTypes: ['image/*'] }, { ...here, mediaType: undefined }, 'type'),
  so('all its labels', { labels: { all: ['press', 'winter'] } }, here),
  so('one label of all missing', { labels: { all: ['press', 'summer'] } }, here, 'label'),
  so('any label', { labels: { any: ['summer', 'winter'] } }, here),
  so('none of any label', { labels: { any: ['summer'] } }, here, 'label'),
  so('labels that are not known', { labels: { any: ['summer'] } }, {}, 'label'),
  so('its network', { networks: ['192.0.2.0/24', '10.0.0.0/8'] }, here),
  so('another network', { networks: ['192.0.2.0/24'] }, here, 'network'),
  so('an address that is not known', { networks: ['0.0.0.0/0', '::/0'] }, nowhere, 'network'),
  so('nobody who knows addresses', { networks: ['0.0.0.0/0'] }, {}, 'network'),
  so('all of them', all, here),
  so('all but the type', all, { ...here, mediaType: 'text/plain' }, 'type'),
  so('all but the labels', all, { ...here, labels: ['press'] }, 'label'),
  so('all but the network', all, { ...here, address: () => '11.0.0.1' }, 'network'),
  so('none of them', all, {}, 'type'),
]

export interface Case {
  readonly edge: Grant | undefined
  readonly time: Time['time']
  readonly circumstance: Circumstance
}

/** 4 roles x 2 x 2 x 10 times x 20 circumstances, and no edge in each circumstance. */
export const CASES: readonly Case[] = [
  ...CIRCUMSTANCES.map(circumstance => ({ edge: undefined, time: 'now' as const, circumstance })),
  ...(['none', ...ROLES] as const).flatMap(role =>
    [true, false].flatMap(originalAccess =>
      (['private', 'public'] as const).flatMap(visibility =>
        TIMES.flatMap(({ time, notBefore, expiresAt }) =>
          CIRCUMSTANCES.map(circumstance => ({
            time,
            circumstance,
            edge: grant({
              role,
              originalAccess,
              visibility,
              notBefore,
              expiresAt,
              conditions: circumstance.conditions,
            }),
          })),
        ),
      ),
    ),
  ),
]
