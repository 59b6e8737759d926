/** The decision about an asset or a collection, with what it rests on read from the manifest: one way for all who ask. */
import type { Clock } from '../lib/clock.ts'
import { findEdge } from '../manifest/collections.ts'
import type { Sql } from '../manifest/database.ts'
import { findGrounds } from '../manifest/grounds.ts'
import { type Conditions, isOfType } from '../model/conditions.ts'
import type { Principal } from '../model/principal.ts'
import { type Action, type Context, type Decision, decide, type Question } from './decide.ts'
import { governing } from './governing.ts'

export interface PermissionDependencies {
  readonly database: Sql
  readonly clock: Clock
}

export interface Asked extends Pick<Context, 'address'> {
  readonly principal: Principal
  readonly product: string
  readonly action: Action
}

export interface Permission extends Decision {
  /** What was asked, for `trail`. */
  readonly question: Question
  /** Of the edge that gave it, where one did. */
  readonly conditions: Conditions | undefined
}

const permissionOf = (question: Question, conditions = question.edge?.conditions): Permission => {
  const decision = decide(question)
  return { ...decision, question, conditions: decision.rule === 'administrator' ? undefined : conditions }
}

/** Whether content of this type may be added under a permission that was given before it was known. */
export const permitsType = ({ conditions }: Pick<Permission, 'conditions'>, mediaType: string): boolean =>
  conditions?.mediaTypes === undefined || isOfType(mediaType, conditions.mediaTypes)

/** About one asset. What is not there is answered like what nobody may see. */
export const permitOnAsset = async (
  { database, clock }: PermissionDependencies,
  { asset, address, principal, product, action }: Asked & { readonly asset: string },
): Promise<Permission> => {
  const grounds = await findGrounds(database, { tenantId: principal.tenant, assetId: asset, productId: product })
  const at = clock.now()
  return permissionOf({
    principal,
    action,
    product,
    edge: grounds && governing(grounds.edges, at),
    context: { at, mediaType: grounds?.mediaType, labels: grounds?.labels, address },
  })
}

interface OfCollection extends Asked {
  readonly collection: string
}

/**
 * About a collection as a whole: its list and its renditions. What an edge asks of assets does not stand against it, for it is
 * no asset: that is asked of each.
 */
export const permitOnCollection = (dependencies: PermissionDependencies, asked: OfCollection): Promise<Permission> =>
  onCollection(dependencies, asked, ({ networks }) => networks && { networks })

/** To add an asset, which has no labels yet. Of which type it is its bytes will tell: `permitsType`. */
export const permitNewAsset = (dependencies: PermissionDependencies, asked: OfCollection): Promise<Permission> =>
  onCollection(dependencies, asked, ({ mediaTypes: _, ...rest }) => rest)

const onCollection = async (
  { database, clock }: PermissionDependencies,
  { collection, address, principal, product, action }: OfCollection,
  keep: (conditions: Conditions) => Conditions | undefined,
): Promise<Permission> => {
  const edge = await findEdge(database, { tenantId: principal.tenant, collectionId: collection, productId: product })
  const conditions = edge?.conditions
  return permissionOf(
    {
      principal,
      action,
      product,
      edge: edge && { ...edge, conditions: conditions && keep(conditions) },
      context: { at: clock.now(), labels: [], address },
    },
    conditions,
  )
}
