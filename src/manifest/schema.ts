/** The tables as drizzle sees them, for typed queries. migrations/*.sql is the truth; a test compares the two. */
import {
  bigint,
  boolean,
  customType,
  integer,
  jsonb,
  pgEnum,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'
import type { PublishPolicy } from '../model/asset.ts'
import { VERSION_STATES } from '../model/asset.ts'

import type { SchemaObject } from '../model/attribute-schema.ts'
import type { Attributes } from '../model/attributes.ts'

import type { CollectionRules } from '../model/collection-rules.ts'
import type { StoredConditions } from '../model/conditions.ts'

import type { FocalPoints } from '../model/focal.ts'
import type { ImageFacts } from '../model/original.ts'
import type { Scope } from '../model/principal.ts'
import type { AdHoc, AssetEdge, Delivery, PublishGate, Role } from '../model/product.ts'
import type { ProductLimits } from '../model/quota.ts'
import type { Entrance } from '../model/source.ts'

/** `bytea` in Postgres, lower-case hexadecimal here. */
const digest = customType<{ data: string; driverData: Buffer }>({
  dataType: () => 'bytea',
  toDriver: hex => Buffer.from(hex, 'hex'),
  fromDriver: bytes => bytes.toString('hex'),
})
const at = (name: string) => timestamp(name, { withTimezone: true })

export const tenant = pgTable('tenant', {
  tenantId: text('tenant_id').primaryKey(),
  createdAt: at('created_at').notNull().defaultNow(),
})

export const product = pgTable(
  'product',
  {
    tenantId: text('tenant_id').notNull(),
    productId: text('product_id').notNull(),
    displayName: text('display_name').notNull(),
    share: integer('share').notNull().default(1),
    createdAt: at('created_at').notNull().defaultNow(),
    limits: jsonb('limits').$type<ProductLimits>().notNull().default({}),
    origins: text('origins').array().notNull().default([]),
    clientHints: boolean('client_hints').notNull().default(false),
  },
  table => [primaryKey({ columns: [table.tenantId, table.productId] })],
)

export const apiKey = pgTable('api_key', {
  keyId: text('key_id').primaryKey(),
  tenantId: text('tenant_id').notNull(),
  productId: text('product_id'),
  secretHash: digest('secret_hash').notNull().unique(),
  label: text('label').notNull().default(''),
  scopes: text('scopes').array().$type<Scope[]>().notNull(),
  createdAt: at('created_at').notNull().defaultNow(),
  expiresAt: at('expires_at'),
  revokedAt: at('revoked_at'),
  replaces: text('replaces'),
})

/** Written by a statement of its own (key-use.ts). */
export const keyUse = pgTable('key_use', {
  keyId: text('key_id').primaryKey(),
  tenantId: text('tenant_id').notNull(),
  usedAt: at('used_at').notNull(),
})

export const collection = pgTable(
  'collection',
  {
    tenantId: text('tenant_id').notNull(),
    collectionId: text('collection_id').notNull(),
    ownerProduct: text('owner_product').notNull(),
    publishGate: text('publish_gate').$type<PublishGate>().notNull().default('all'),
    rules: jsonb('rules').$type<CollectionRules>(),
    createdAt: at('created_at').notNull().defaultNow(),
    keepVersions: integer('keep_versions'),
    attributeSchema: jsonb('attribute_schema').$type<SchemaObject>(),
  },
  table => [primaryKey({ columns: [table.tenantId, table.collectionId] })],
)

export const edge = pgTable(
  'edge',
  {
    tenantId: text('tenant_id').notNull(),
    collectionId: text('collection_id').notNull(),
    productId: text('product_id').notNull(),
    role: text('role').$type<Role>().notNull(),
    originalAccess: boolean('original_access').notNull().default(false),
    privateMetadata: boolean('private_metadata').notNull().default(false),
    attributePaths: text('attribute_paths').array(),
    visibility: text('visibility').$type<'private' | 'public'>().notNull().default('private'),
    delivery: text('delivery').$type<Delivery>().notNull().default('redirect'),
    expiresAt: at('expires_at'),
    createdAt: at('created_at').notNull().defaultNow(),
    notBefore: at('not_before'),
    conditions: jsonb('conditions').$type<StoredConditions>(),
    adHoc: jsonb('ad_hoc').$type<AdHoc>(),
  },
  table => [primaryKey({ columns: [table.tenantId, table.collectionId, table.productId] })],
)

export const assetEdge = pgTable(
  'asset_edge',
  {
    tenantId: text('tenant_id').notNull(),
    assetId: uuid('asset_id').notNull(),
    productId: text('product_id').notNull(),
    role: text('role').$type<AssetEdge['role']>().notNull(),
    originalAccess: boolean('original_access').notNull().default(false),
    attributePaths: text('attribute_paths').array(),
    visibility: text('visibility').$type<'private' | 'public'>().notNull().default('private'),
    notBefore: at('not_before'),
    expiresAt: at('expires_at'),
    conditions: jsonb('conditions').$type<StoredConditions>(),
    createdAt: at('created_at').notNull().defaultNow(),
  },
  table => [primaryKey({ columns: [table.tenantId, table.assetId, table.productId] })],
)

export const rendition = pgTable(
  'rendition',
  {
    tenantId: text('tenant_id').notNull(),
    collectionId: text('collection_id').notNull(),
    productId: text('product_id').notNull(),
    name: text('name').notNull(),
    revision: integer('revision').notNull(),
    recipe: text('recipe').notNull(),
    recipeHash: digest('recipe_hash').notNull(),
    lane: text('lane').$type<'eager' | 'lazy'>().notNull().default('eager'),
    state: text('state').$type<'active' | 'retired'>().notNull().default('active'),
    createdAt: at('created_at').notNull().defaultNow(),
    deprecatedAt: at('deprecated_at'),
    sunsetAt: at('sunset_at'),
    /** When it was the active one anew, after another had been. */
    reactivatedAt: at('reactivated_at'),
  },
  table => [primaryKey({ columns: [table.tenantId, table.collectionId, table.productId, table.name, table.revision] })],
)

export const original = pgTable(
  'original',
  {
    tenantId: text('tenant_id').notNull(),
    sha256: digest('sha256').notNull(),
    byteLength: bigint('byte_length', { mode: 'number' }).notNull(),
    mediaType: text('media_type').notNull(),
    objectKey: text('object_key').notNull(),
    image: jsonb('image').$type<ImageFacts>(),
    storedAt: at('stored_at').notNull().defaultNow(),
    productId: text('product_id').notNull().default(''),
  },
  table => [primaryKey({ columns: [table.tenantId, table.sha256] })],
)

/** Written by statements of their own (looks.ts); here as far as other reads join it. */
export const originalLook = pgTable(
  'original_look',
  {
    tenantId: text('tenant_id').notNull(),
    sha256: digest('sha256').notNull(),
    thumbhash: digest('thumbhash'),
    colour: text('colour'),
    palette: text('palette'),
    tries: smallint('tries').notNull().default(0),
    notBefore: at('not_before').notNull().defaultNow(),
    madeAt: at('made_at'),
  },
  table => [primaryKey({ columns: [table.tenantId, table.sha256] })],
)

export const asset = pgTable(
  'asset',
  {
    tenantId: text('tenant_id').notNull(),
    assetId: uuid('asset_id').notNull(),
    collectionId: text('collection_id').notNull(),
    ownerProduct: text('owner_product').notNull(),
    alias: text('alias'),
    labels: text('labels').array().notNull().default([]),
    attributes: jsonb('attributes').$type<Attributes>().notNull().default({}),
    metadataNo: bigint('metadata_no', { mode: 'number' }).notNull().default(0),
    activeVersion: integer('active_version'),
    publicationNo: bigint('publication_no', { mode: 'number' }).notNull().default(0),
    nextVersion: integer('next_version').notNull().default(1),
    nextEventNo: bigint('next_event_no', { mode: 'number' }).notNull().default(1),
    createdBy: text('created_by').notNull(),
    createdAt: at('created_at').notNull().defaultNow(),
    updatedAt: at('updated_at').notNull().defaultNow(),
    archivedAt: at('archived_at'),
    deletedAt: at('deleted_at'),
    erasedAt: at('erased_at'),
    expiresAt: at('expires_at'),
    focal: jsonb('focal').$type<FocalPoints>(),
  },
  table => [primaryKey({ columns: [table.tenantId, table.assetId] })],
)

export const schedule = pgTable(
  'schedule',
  {
    tenantId: text('tenant_id').notNull(),
    assetId: uuid('asset_id').notNull(),
    version: integer('version').notNull(),
    publishAt: at('publish_at').notNull(),
    waitingSince: at('waiting_since'),
    setBy: text('set_by').notNull(),
    correlationId: text('correlation_id').notNull(),
    traceparent: text('traceparent'),
    setAt: at('set_at').notNull().defaultNow(),
  },
  table => [primaryKey({ columns: [table.tenantId, table.assetId] })],
)

export const versionState = pgEnum('version_state', VERSION_STATES)

export const assetVersion = pgTable(
  'asset_version',
  {
    tenantId: text('tenant_id').notNull(),
    assetId: uuid('asset_id').notNull(),
    version: integer('version').notNull(),
    sha256: digest('sha256'),
    state: versionState('state').notNull().default('PENDING'),
    publishPolicy: text('publish_policy').$type<PublishPolicy>().notNull(),
    filename: text('filename'),
    entrance: text('entrance').$type<Entrance>().notNull().default('direct'),
    sourceRef: text('source_ref'),
    failure: jsonb('failure'),
    eventId: uuid('event_id'),
    createdBy: text('created_by').notNull(),
    createdAt: at('created_at').notNull().defaultNow(),
    readyAt: at('ready_at'),
    activatedAt: at('activated_at'),
    archivedAt: at('archived_at'),
  },
  table => [primaryKey({ columns: [table.tenantId, table.assetId, table.version] })],
)

export const signingKey = pgTable('signing_key', {
  kid: text('kid').primaryKey(),
  tenantId: text('tenant_id').notNull(),
  productId: text('product_id').notNull(),
  secret: digest('secret').notNull(),
  label: text('label').notNull().default(''),
  createdBy: text('created_by').notNull(),
  createdAt: at('created_at').notNull().defaultNow(),
  expiresAt: at('expires_at'),
  revokedAt: at('revoked_at'),
})

export const shareLink = pgTable('share_link', {
  shareId: text('share_id').primaryKey(),
  tenantId: text('tenant_id').notNull(),
  productId: text('product_id').notNull(),
  assetId: uuid('asset_id').notNull(),
  tokenHash: digest('token_hash').notNull().unique(),
  renditions: text('renditions').array(),
  original: boolean('original').notNull().default(false),
  createdBy: text('created_by').notNull(),
  createdAt: at('created_at').notNull().defaultNow(),
  expiresAt: at('expires_at').notNull(),
  revokedAt: at('revoked_at'),
})
