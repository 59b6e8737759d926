import { and, asc, eq, gt } from 'drizzle-orm'
import type { SchemaObject } from '../model/attribute-schema.ts'
import type { CollectionRules } from '../model/collection-rules.ts'
import { readConditions, type StoredConditions, storeConditions } from '../model/conditions.ts'
import { refuse } from '../model/errors.ts'
import type { AdHoc, Collection, Edge, Grant } from '../model/product.ts'
import type { Sql } from './database.ts'
import { collection, edge } from './schema.ts'

const columns = {
  collection: collection.collectionId,
  owner: collection.ownerProduct,
  publishGate: collection.publishGate,
  rules: collection.rules,
  keepVersions: collection.keepVersions,
  attributeSchema: collection.attributeSchema,
}

type Row = Omit<Collection, 'rules' | 'keepVersions' | 'attributeSchema'> & {
  readonly rules: CollectionRules | null
  readonly keepVersions: number | null
  readonly attributeSchema: SchemaObject | null
}
const toCollection = ({ rules, keepVersions, attributeSchema, ...row }: Row): Collection => ({
  ...row,
  rules: rules ?? undefined,
  keepVersions: keepVersions ?? undefined,
  attributeSchema: attributeSchema ?? undefined,
})

/** Creates or changes; the owner gets its edge in the same transaction. */
export const putCollection = async (
  tx: Sql,
  { tenantId, collection: collectionId, owner, ...wished }: Collection & { tenantId: string },
): Promise<void> => {
  const { publishGate, rules = null, keepVersions = null, attributeSchema = null } = wished
  const set = { ownerProduct: owner, publishGate, rules, keepVersions, attributeSchema }
  await tx.orm
    .insert(collection)
    .values({ tenantId, collectionId, ...set })
    .onConflictDoUpdate({ target: [collection.tenantId, collection.collectionId], set })
  await tx.orm
    .insert(edge)
    .values({ tenantId, collectionId, productId: owner, role: 'owner', originalAccess: true })
    .onConflictDoUpdate({
      target: [edge.tenantId, edge.collectionId, edge.productId],
      set: { role: 'owner', attributePaths: null, notBefore: null, expiresAt: null, conditions: null },
    })
}

export const findCollection = async (
  sql: Sql,
  tenantId: string,
  collectionId: string,
): Promise<Collection | undefined> => {
  const [found] = await sql.orm
    .select(columns)
    .from(collection)
    .where(and(eq(collection.tenantId, tenantId), eq(collection.collectionId, collectionId)))
  return found && toCollection(found)
}

export const listCollections = async (
  sql: Sql,
  { tenantId, after = '', limit }: { tenantId: string; after?: string; limit: number },
): Promise<Collection[]> => {
  const rows = await sql.orm
    .select(columns)
    .from(collection)
    .where(and(eq(collection.tenantId, tenantId), gt(collection.collectionId, after)))
    .orderBy(asc(collection.collectionId))
    .limit(limit)
  return rows.map(toCollection)
}

const NAMES = {
  name: 'collection_names',
  text: 'select collection_id as collection from collection where tenant_id = $1',
}

export const allCollections = async (sql: Sql, tenant: string): Promise<string[]> =>
  (await sql.rows<{ collection: string }>(NAMES, [tenant])).map(({ collection }) => collection)

const edgeColumns = {
  product: edge.productId,
  role: edge.role,
  originalAccess: edge.originalAccess,
  privateMetadata: edge.privateMetadata,
  attributePaths: edge.attributePaths,
  visibility: edge.visibility,
  delivery: edge.delivery,
  notBefore: edge.notBefore,
  expiresAt: edge.expiresAt,
  conditions: edge.conditions,
  adHoc: edge.adHoc,
}

type Nulled = 'attributePaths' | 'notBefore' | 'expiresAt' | 'conditions'
interface NulledColumns {
  readonly attributePaths: string[] | null
  readonly notBefore: Date | null
  readonly expiresAt: Date | null
  readonly conditions: StoredConditions | null
}

/** From and to the columns of an edge that are null for what it does not say. */
export const readNulled = ({
  attributePaths,
  notBefore,
  expiresAt,
  conditions,
}: NulledColumns): Pick<Grant, Nulled> => ({
  attributePaths: attributePaths ?? undefined,
  notBefore: notBefore ?? undefined,
  expiresAt: expiresAt ?? undefined,
  conditions: readConditions(conditions),
})
export const storeNulled = ({
  attributePaths,
  notBefore,
  expiresAt,
  conditions,
}: Pick<Grant, Nulled>): NulledColumns => ({
  attributePaths: attributePaths ? [...attributePaths] : null,
  notBefore: notBefore ?? null,
  expiresAt: expiresAt ?? null,
  conditions: storeConditions(conditions),
})

const toEdge = (row: Omit<Edge, Nulled | 'adHoc'> & NulledColumns & { adHoc: AdHoc | null }): Edge => ({
  ...row,
  ...readNulled(row),
  adHoc: row.adHoc ?? undefined,
})

export const listEdges = async (sql: Sql, tenantId: string, collectionId: string): Promise<Edge[]> => {
  const rows = await sql.orm
    .select(edgeColumns)
    .from(edge)
    .where(and(eq(edge.tenantId, tenantId), eq(edge.collectionId, collectionId)))
    .orderBy(asc(edge.productId))
  return rows.map(toEdge)
}

export const findEdge = async (
  sql: Sql,
  { tenantId, collectionId, productId }: { tenantId: string; collectionId: string; productId: string },
): Promise<Edge | undefined> => {
  const [row] = await sql.orm
    .select(edgeColumns)
    .from(edge)
    .where(and(eq(edge.tenantId, tenantId), eq(edge.collectionId, collectionId), eq(edge.productId, productId)))
  return row && toEdge(row)
}

/** Locks the collection, so that two changes cannot each leave the other's owner as the last one. */
export const lockCollection = async (tx: Sql, tenantId: string, collectionId: string): Promise<void> => {
  await tx.rows(
    {
      name: 'collection_lock',
      text: 'select 1 from collection where tenant_id = $1 and collection_id = $2 for update',
    },
    [tenantId, collectionId],
  )
}

const isOwnerForGood = ({ role, notBefore, expiresAt, conditions }: Edge): boolean =>
  role === 'owner' && notBefore === undefined && expiresAt === undefined && conditions === undefined

const refuseWithoutOwner = async (tx: Sql, tenantId: string, collectionId: string): Promise<void> => {
  const edges = await listEdges(tx, tenantId, collectionId)
  if (!edges.some(isOwnerForGood)) {
    throw refuse('last-owner', 'A collection keeps at least one owner whose grant holds without end and condition.')
  }
}

export const putEdge = async (tx: Sql, tenantId: string, collectionId: string, cell: Edge): Promise<void> => {
  await lockCollection(tx, tenantId, collectionId)
  const { product: productId, role, originalAccess, privateMetadata, visibility, delivery, adHoc = null } = cell
  const values = { role, originalAccess, privateMetadata, visibility, delivery, adHoc, ...storeNulled(cell) }
  await tx.orm
    .insert(edge)
    .values({ tenantId, collectionId, productId, ...values })
    .onConflictDoUpdate({ target: [edge.tenantId, edge.collectionId, edge.productId], set: values })
  await refuseWithoutOwner(tx, tenantId, collectionId)
}

/** False when there was no such edge. */
export const deleteEdge = async (
  tx: Sql,
  { tenantId, collectionId, productId }: { tenantId: string; collectionId: string; productId: string },
): Promise<boolean> => {
  await lockCollection(tx, tenantId, collectionId)
  const gone = await tx.orm
    .delete(edge)
    .where(and(eq(edge.tenantId, tenantId), eq(edge.collectionId, collectionId), eq(edge.productId, productId)))
    .returning({ product: edge.productId })
  if (gone.length > 0) await refuseWithoutOwner(tx, tenantId, collectionId)
  return gone.length > 0
}
