import type { SchemaObject } from './attribute-schema.ts'
import type { BrowserRules } from './browser-rules.ts'
import type { CollectionRules } from './collection-rules.ts'
import type { Conditions } from './conditions.ts'
import type { Dpr } from './delivery-path.ts'
import type { Deprecation } from './deprecation.ts'
import type { CollectionId, Hex, ProductId } from './ids.ts'
import type { ProductLimits } from './quota.ts'
import type { Format, Recipe } from './recipe.ts'

export interface Product {
  readonly product: ProductId
  readonly displayName: string
  /** Of the workers, in proportion to the other products' shares where several want them, 1 to 100. */
  readonly share: number
  /** In place of the defaults. */
  readonly limits: ProductLimits
  readonly browser: BrowserRules
  readonly createdAt: Date
}

export const PUBLISH_GATES = ['all', 'owner', 'none'] as const
export type PublishGate = (typeof PUBLISH_GATES)[number]

export interface Collection {
  readonly collection: CollectionId
  readonly owner: ProductId
  readonly publishGate: PublishGate
  /** `undefined`: nothing is asked of what is put into it. */
  readonly rules: CollectionRules | undefined
  /** So many of those that were shown; `undefined`: all. */
  readonly keepVersions: number | undefined
  /** What attributes are; `undefined`: anything. */
  readonly attributeSchema: SchemaObject | undefined
}

export const ROLES = ['owner', 'editor', 'reader'] as const
export type Role = (typeof ROLES)[number]
export const DELIVERIES = ['redirect', 'stream', 'accel'] as const
export type Delivery = (typeof DELIVERIES)[number]

/** What an edge lets its product do, and while what is so. */
export interface Grant {
  /** `none`: nothing at all, which is for single assets to say. */
  readonly role: Role | 'none'
  readonly originalAccess: boolean
  /** What an editor may write of labels and attributes (policy/attributes.ts); `undefined` is all of it. */
  readonly attributePaths: readonly string[] | undefined
  readonly visibility: 'private' | 'public'
  readonly notBefore: Date | undefined
  readonly expiresAt: Date | undefined
  readonly conditions: Conditions | undefined
}

/** What is not published yet is theirs to see. */
export const mayPublish = (edge: Pick<Grant, 'role'> | undefined): boolean =>
  edge?.role === 'owner' || edge?.role === 'editor'

/** What may be asked for by operations in the path (model/ad-hoc.ts), without a rendition. */
export interface AdHoc {
  /** In the order in which `auto` prefers them. */
  readonly formats: readonly Format[]
  /** Sides that are made, ascending; the usual ones where absent. */
  readonly sides?: readonly number[] | undefined
}

/** A cell of the matrix: what a product may do in a collection and how it is answered there. */
export interface Edge extends Grant {
  readonly product: ProductId
  readonly role: Role
  /** Its derivatives may tell the place and the person that the original tells. */
  readonly privateMetadata: boolean
  readonly delivery: Delivery
  /** `undefined`: nothing. */
  readonly adHoc?: AdHoc | undefined
}

/** A cell for one asset, which stands before the collection's. It says everything itself, but how bytes are delivered. */
export interface AssetEdge extends Grant {
  readonly product: ProductId
}

/** What was said for a product of a collection, and of one asset in it. */
export interface Edges {
  readonly collection: Omit<Edge, 'privateMetadata'> | undefined
  readonly asset: AssetEdge | undefined
}

/** The name that a product gives to a recipe. Revisions are immutable; one is active. */
export interface Rendition {
  readonly collection: CollectionId
  readonly product: ProductId
  readonly name: string
  readonly revision: number
  /** Of a variant for screens with more pixels. */
  readonly dpr?: Dpr | undefined
  readonly recipe: Recipe
  readonly recipeHash: Hex
  readonly lane: 'eager' | 'lazy'
  /** Of the name: it stays where the recipe is another. */
  readonly deprecation?: Deprecation | undefined
  /** What the product's edge says of it now. */
  readonly privateMetadata: boolean
}
