/**
 * The one answer to "may they?". Pure: what it needs is read before. The rules stand in the order in which they are asked;
 * the first that applies decides, and its name is the reason that `explain` prints.
 *
 * `hide` is said to those who may not know whether the thing exists: they get what is said of things that do not.
 */

import type { Principal } from '../model/principal.ts'
import type { Edge } from '../model/product.ts'

export const ACTIONS = ['resolve', 'original', 'read', 'write', 'publish'] as const
export type Action = (typeof ACTIONS)[number]

export interface Question {
  /** `undefined`: anonymous. */
  readonly principal: Principal | undefined
  readonly action: Action
  /** The product in whose name the question is asked. */
  readonly product: string
  readonly edge: Omit<Edge, 'privateMetadata' | 'attributePaths'> | undefined
  readonly at: number
}

export interface Decision {
  readonly effect: 'allow' | 'forbid' | 'hide'
  /** Name of the rule that decided. */
  readonly rule: string
}

const SCOPE_FOR = {
  resolve: 'resolve',
  original: 'resolve',
  read: 'assets:read',
  write: 'assets:write',
  publish: 'publish',
} as const satisfies Record<Action, string>

const MUTATES: ReadonlySet<Action> = new Set(['write', 'publish'])

export const decide = ({ principal, action, product, edge, at }: Question): Decision => {
  const live = edge !== undefined && (edge.expiresAt === undefined || edge.expiresAt.getTime() > at)
  if (principal === undefined) {
    if (live && edge.visibility === 'public' && action === 'resolve') return { effect: 'allow', rule: 'public-edge' }
    return { effect: 'hide', rule: 'anonymous' }
  }
  if (principal.scopes.includes('matrix:admin')) return { effect: 'allow', rule: 'administrator' }
  if (principal.product !== product) return { effect: 'hide', rule: 'other-product' }
  if (!live) return { effect: 'hide', rule: edge ? 'grant-expired' : 'no-grant' }
  if (!principal.scopes.includes(SCOPE_FOR[action]))
    return { effect: 'forbid', rule: `scope-missing:${SCOPE_FOR[action]}` }
  if (MUTATES.has(action) && edge.role === 'reader') return { effect: 'forbid', rule: 'reader-never-mutates' }
  if (action === 'original' && !edge.originalAccess) return { effect: 'forbid', rule: 'originals-closed' }
  return { effect: 'allow', rule: `role:${edge.role}` }
}
