/** The decision about an asset or a collection, with what it rests on read from the manifest: one way for all who ask. */

import type { Clock } from '../lib/clock.ts'
import { inLanes } from '../lib/in-lanes.ts'
import { findEdge } from '../manifest/collections.ts'
import type { Sql } from '../manifest/database.ts'
import { findGrounds, findGroundsOf, type Grounds } from '../manifest/grounds.ts'
import { type Conditions, isOfType } from '../model/conditions.ts'
import type { Principal } from '../model/principal.ts'
import type { Action, Context, Question } from './decide.ts'
import type { Subject } from './engine.ts'
import { governing } from './governing.ts'
import type { Policy, Ruling } from './policy.ts'

export interface PermissionDependencies {
  readonly database: Sql
  readonly clock: Clock
  readonly policy: Policy
}

export interface Asked extends Pick<Context, 'address'> {
  readonly principal: Principal
  readonly product: string
  readonly action: Action
}

export interface Permission extends Ruling {
  /** What was asked, for `trail`. */
  readonly question: Question
  /** Of the edge that gave it, where one did. */
  readonly conditions: Conditions | undefined
}

const permissionOf = async (
  { policy }: PermissionDependencies,
  question: Question,
  subject: Subject | undefined,
  conditions = question.edge?.conditions,
): Promise<Permission> => {
  const ruling = await policy.decide(question, subject)
  return { ...ruling, question, conditions: ruling.rule === 'administrator' ? undefined : conditions }
}

/** Whether content of this type may be added under a permission that was given before it was known. */
export const permitsType = ({ conditions }: Pick<Permission, 'conditions'>, mediaType: string): boolean =>
  conditions?.mediaTypes === undefined || isOfType(mediaType, conditions.mediaTypes)

interface OfAsset extends Asked {
  readonly asset: string
  /** Where one is asked for. */
  readonly rendition?: string
}

type AssetFound = (Grounds & { readonly collection: string }) | undefined

const onAsset = (
  dependencies: PermissionDependencies,
  { asset, rendition, address, principal, product, action }: OfAsset,
  grounds: AssetFound,
): Promise<Permission> => {
  const { tenant } = principal
  const at = dependencies.clock.now()
  const question = {
    principal,
    action,
    product,
    edge: grounds && governing(grounds.edges, at),
    context: { at, mediaType: grounds?.mediaType, labels: grounds?.labels, address },
  }
  return permissionOf(dependencies, question, grounds && { tenant, collection: grounds.collection, asset, rendition })
}

/** About one asset. What is not there is answered like what nobody may see. */
export const permitOnAsset = async (dependencies: PermissionDependencies, asked: OfAsset): Promise<Permission> => {
  const { asset: assetId, product: productId, principal } = asked
  const key = { tenantId: principal.tenant, assetId, productId }
  return onAsset(dependencies, asked, await findGrounds(dependencies.database, key))
}

/** About each of these for itself, in their order; what the decisions rest on is one read. */
export const permitOnAssets = async (
  dependencies: PermissionDependencies,
  { assets: assetIds, ...asked }: Asked & { readonly assets: readonly string[] },
): Promise<Permission[]> => {
  const key = { tenantId: asked.principal.tenant, assetIds, productId: asked.product }
  const found = await findGroundsOf(dependencies.database, key)
  const permissions = await inLanes(assetIds, {
    atOnce: AT_ONCE,
    work: asset => onAsset(dependencies, { ...asked, asset }, found.get(asset)),
  })
  return permissions as Permission[]
}

/** An engine elsewhere is asked so many questions at a time. */
const AT_ONCE = 16

interface OfCollection extends Asked {
  readonly collection: string
}

/**
 * About a collection as a whole: its list and its renditions. What an edge asks of assets does not stand against it, for it is
 * no asset: that is asked of each.
 */
export const permitOnCollection = (dependencies: PermissionDependencies, asked: OfCollection): Promise<Permission> =>
  onCollection(dependencies, asked, ({ networks }) => networks && { networks })

/** To add an asset with these labels. Of which type it is its bytes will tell: `permitsType`. */
export const permitNewAsset = (
  dependencies: PermissionDependencies,
  asked: OfCollection & { readonly labels: readonly string[] },
): Promise<Permission> => onCollection(dependencies, asked, ({ mediaTypes: _, ...rest }) => rest)

const onCollection = async (
  dependencies: PermissionDependencies,
  { collection, address, principal, product, action, labels = [] }: OfCollection & { labels?: readonly string[] },
  keep: (conditions: Conditions) => Conditions | undefined,
): Promise<Permission> => {
  const { tenant } = principal
  const { database, clock } = dependencies
  const edge = await findEdge(database, { tenantId: tenant, collectionId: collection, productId: product })
  const conditions = edge?.conditions
  return permissionOf(
    dependencies,
    {
      principal,
      action,
      product,
      edge: edge && { ...edge, conditions: conditions && keep(conditions) },
      context: { at: clock.now(), labels, address },
    },
    { tenant, collection, asset: undefined, rendition: undefined },
    conditions,
  )
}
