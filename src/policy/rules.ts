/**
 * The rules, in the order in which they are asked; the first that applies decides. Each is a statement about a question and
 * nothing else, so each can be asked alone: `trail` asks all of them. docs/access.md prints this list.
 */
import { isLabelled, isOfType } from '../model/conditions.ts'
import type { Principal, Scope } from '../model/principal.ts'
import type { Grant } from '../model/product.ts'

export const ACTIONS = ['resolve', 'original', 'read', 'write', 'publish', 'share', 'erase'] as const
export type Action = (typeof ACTIONS)[number]

export type Effect = 'allow' | 'forbid' | 'hide'

/** What is so when the question is asked. What is left out is not known, and no condition is met by it. */
export interface Context {
  /** Epoch milliseconds. */
  readonly at: number
  /** Of the asset's original. */
  readonly mediaType?: string | undefined
  readonly labels?: readonly string[] | undefined
  /** Of the caller; asked only by edges that have networks. */
  readonly address?: (() => string | undefined) | undefined
}

export interface Question {
  /** `undefined`: anonymous. */
  readonly principal: Principal | undefined
  readonly action: Action
  /** The product in whose name the question is asked. */
  readonly product: string
  readonly edge: Grant | undefined
  readonly context: Context
}

export interface Rule {
  readonly name: string
  /** When it applies, in a sentence. */
  readonly says: string
  readonly effect: Effect
  applies(question: Question): boolean
  /** What it is about, where the name alone does not tell: `scope-missing:publish`. */
  detail?(question: Question): string
}

export const SCOPE_FOR = {
  resolve: 'resolve',
  original: 'resolve',
  read: 'assets:read',
  write: 'assets:write',
  publish: 'publish',
  erase: 'assets:erase',
  share: 'share',
} as const satisfies Record<Action, Scope>

const MUTATES: ReadonlySet<Action> = new Set(['write', 'publish', 'erase'])

const isAdministrator = ({ principal }: Question): boolean => principal?.scopes.includes('matrix:admin') === true
const isOver = (edge: Grant | undefined, { at }: Context): boolean =>
  edge?.expiresAt !== undefined && edge.expiresAt.getTime() <= at
const isToCome = (edge: Grant | undefined, { at }: Context): boolean =>
  edge?.notBefore !== undefined && edge.notBefore.getTime() > at
const isOtherType = (edge: Grant | undefined, { mediaType }: Context): boolean =>
  edge?.conditions?.mediaTypes !== undefined && !isOfType(mediaType, edge.conditions.mediaTypes)
const isOtherLabel = (edge: Grant | undefined, { labels }: Context): boolean =>
  edge?.conditions?.labels !== undefined && !isLabelled(labels, edge.conditions.labels)
const isElsewhere = (edge: Grant | undefined, { address }: Context): boolean =>
  edge?.conditions?.networks !== undefined && !edge.conditions.networks.has(address?.())

/** The edge is there, gives something, and everything that it asks for is so. */
const holds = (edge: Grant | undefined, context: Context): edge is Grant =>
  edge !== undefined &&
  edge.role !== 'none' &&
  !isOver(edge, context) &&
  !isToCome(edge, context) &&
  (edge.conditions === undefined ||
    !(isOtherType(edge, context) || isOtherLabel(edge, context) || isElsewhere(edge, context)))

export const RULES: readonly Rule[] = [
  {
    name: 'public-edge',
    says: 'Nobody in particular asks for a rendition, and the edge is public and holds',
    effect: 'allow',
    applies: ({ principal, action, edge, context }) =>
      principal === undefined && action === 'resolve' && edge?.visibility === 'public' && holds(edge, context),
  },
  {
    name: 'anonymous',
    says: 'Nobody in particular asks for anything else',
    effect: 'hide',
    applies: ({ principal }) => principal === undefined,
  },
  {
    name: 'administrator',
    says: 'The credential has the scope `matrix:admin`',
    effect: 'allow',
    applies: isAdministrator,
  },
  {
    name: 'other-product',
    says: 'A product asks in the name of another',
    effect: 'hide',
    applies: ({ principal, product }) => principal !== undefined && principal.product !== product,
  },
  {
    name: 'no-grant',
    says: 'The product has no edge here',
    effect: 'hide',
    applies: ({ edge }) => edge === undefined,
  },
  {
    name: 'asset-withheld',
    says: 'The edge on the asset has the role `none`',
    effect: 'hide',
    applies: ({ edge }) => edge?.role === 'none',
  },
  {
    name: 'grant-expired',
    says: 'The edge is over: its `expires_at` has come',
    effect: 'hide',
    applies: ({ edge, context }) => isOver(edge, context),
  },
  {
    name: 'grant-not-begun',
    says: 'The edge is to come: its `not_before` has not been reached',
    effect: 'hide',
    applies: ({ edge, context }) => isToCome(edge, context),
  },
  {
    name: 'media-type-outside',
    says: 'The edge is for other media types than that of the original',
    effect: 'hide',
    applies: ({ edge, context }) => isOtherType(edge, context),
  },
  {
    name: 'labels-outside',
    says: 'The edge asks for labels that the asset does not have',
    effect: 'hide',
    applies: ({ edge, context }) => isOtherLabel(edge, context),
  },
  {
    name: 'network-outside',
    says: 'The edge is for other networks than that of the caller',
    effect: 'hide',
    applies: ({ edge, context }) => isElsewhere(edge, context),
  },
  {
    name: 'share-withdrawn',
    says: 'A share link asks, and its product is a reader now, which shares nothing',
    effect: 'hide',
    applies: ({ principal, edge }) => principal?.kind === 'share' && edge?.role === 'reader',
  },
  {
    name: 'scope-missing',
    says: 'The credential lacks the scope that the action needs',
    effect: 'forbid',
    applies: ({ principal, action }) => principal?.scopes.includes(SCOPE_FOR[action]) !== true,
    detail: ({ action }) => SCOPE_FOR[action],
  },
  {
    name: 'reader-never-mutates',
    says: 'A reader would change something',
    effect: 'forbid',
    applies: ({ edge, action }) => edge?.role === 'reader' && MUTATES.has(action),
  },
  {
    name: 'only-owners-erase',
    says: 'Something would be erased, by a product whose role is not owner',
    effect: 'forbid',
    applies: ({ edge, action }) => action === 'erase' && edge?.role !== 'owner',
  },
  {
    name: 'reader-never-shares',
    says: 'A reader would make a share link',
    effect: 'forbid',
    applies: ({ edge, action }) => edge?.role === 'reader' && action === 'share',
  },
  {
    name: 'originals-closed',
    says: 'An original is asked for, and the edge does not give originals',
    effect: 'forbid',
    applies: ({ edge, action }) => action === 'original' && edge?.originalAccess !== true,
  },
  {
    name: 'signed-link',
    says: 'Nothing stands against it: a signed URL is given what its product is',
    effect: 'allow',
    applies: ({ principal }) => principal?.kind === 'link',
  },
  {
    name: 'share-link',
    says: 'Nothing stands against it: a share link is given what its product is',
    effect: 'allow',
    applies: ({ principal }) => principal?.kind === 'share',
  },
  {
    name: 'role',
    says: 'Nothing stands against it: the role of the edge gives it',
    effect: 'allow',
    applies: ({ edge }) => edge !== undefined,
    detail: ({ edge }) => edge?.role ?? 'none',
  },
]
