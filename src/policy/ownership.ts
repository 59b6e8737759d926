/** What edges amount to, for people. Pure. */
import { PRODUCT_SCOPES } from '../model/principal.ts'
import type { Edges, Grant } from '../model/product.ts'
import { ACTIONS, type Action, type Context, decide } from './decide.ts'
import { governing } from './governing.ts'

export type Holds = 'now' | 'later' | 'over'

/** By its time alone. */
export const holdsAt = ({ notBefore, expiresAt }: Pick<Grant, 'notBefore' | 'expiresAt'>, at: number): Holds => {
  if (expiresAt !== undefined && expiresAt.getTime() <= at) return 'over'
  return notBefore !== undefined && notBefore.getTime() > at ? 'later' : 'now'
}

/** What the product may do with a key that has every scope, from a network of the edge's. */
export const mayDo = (
  product: string,
  edge: Grant | undefined,
  context: Pick<Context, 'at' | 'mediaType' | 'labels'>,
): Action[] => {
  const principal = {
    tenant: '',
    kind: 'key',
    id: '',
    product,
    scopes: PRODUCT_SCOPES,
  } as const
  const conditions = edge?.conditions && { ...edge.conditions, networks: undefined }
  return ACTIONS.filter(
    action => decide({ principal, action, product, edge: edge && { ...edge, conditions }, context }).effect === 'allow',
  )
}

export interface Cell {
  readonly product: string
  /** Which of the two edges answers for the asset. */
  readonly from: 'collection' | 'asset'
  readonly edge: Grant
}

export const cellOf = (product: string, edges: Edges, at: number): Cell | undefined => {
  const edge = governing(edges, at)
  return edge && { product, from: edge === edges.asset ? 'asset' : 'collection', edge }
}
