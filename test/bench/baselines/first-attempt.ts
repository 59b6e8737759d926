/** What a team writes first: Hono, a drizzle query built for each call over the same manifest, and the SDK's `getSignedUrl`, or its stream. */
import { createHash } from 'node:crypto'
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { serve } from '@hono/node-server'
import { and, eq, isNull, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { bigint, boolean, customType, integer, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { Hono } from 'hono'
import pg from 'pg'

interface Settings {
  readonly databaseUrl: string
  readonly bucket: string
  readonly s3: {
    endpoint: string
    region: string
    forcePathStyle: boolean
    accessKeyId: string
    secretAccessKey: string
  }
}

const { databaseUrl, bucket, s3 } = JSON.parse(process.env.SETTINGS ?? '{}') as Settings
const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

const apiKey = pgTable('api_key', {
  secretHash: bytea('secret_hash'),
  tenant: text('tenant_id'),
  product: text('product_id'),
  revokedAt: timestamp('revoked_at'),
})
const asset = pgTable('asset', {
  tenant: text('tenant_id'),
  id: uuid('asset_id'),
  collection: text('collection_id'),
  active: integer('active_version'),
  publication: bigint('publication_no', { mode: 'number' }),
  archivedAt: timestamp('archived_at'),
})
const edge = pgTable('edge', {
  tenant: text('tenant_id'),
  collection: text('collection_id'),
  product: text('product_id'),
  role: text('role'),
})
const leaf = pgTable('leaf', {
  tenant: text('tenant_id'),
  asset: uuid('asset_id'),
  version: integer('version'),
  product: text('product_id'),
  rendition: text('rendition'),
  format: text('format'),
  required: boolean('required'),
  node: bytea('node_id'),
})
const node = pgTable('node', { tenant: text('tenant_id'), id: bytea('node_id'), output: bytea('output') })
const derivative = pgTable('derivative', {
  tenant: text('tenant_id'),
  sha256: bytea('sha256'),
  objectKey: text('object_key'),
  mediaType: text('media_type'),
})

const db = drizzle(new pg.Pool({ connectionString: databaseUrl, max: 10 }))
const client = new S3Client({ ...s3, credentials: s3 })
const app = new Hono()

app.get('/v1/products/:product/assets/:asset/renditions/:rendition', async c => {
  const { product, asset: id, rendition } = c.req.param()
  const hash = createHash('sha256')
    .update(c.req.header('authorization')?.slice(7) ?? '')
    .digest()
  const [key] = await db
    .select()
    .from(apiKey)
    .where(and(eq(apiKey.secretHash, hash), isNull(apiKey.revokedAt)))
  if (!key || key.product !== product) return c.json({ code: 'unauthenticated' }, 401)
  const [found] = await db
    .select({ objectKey: derivative.objectKey, mediaType: derivative.mediaType, publication: asset.publication })
    .from(asset)
    .innerJoin(
      edge,
      and(eq(edge.tenant, asset.tenant), eq(edge.collection, asset.collection), eq(edge.product, product)),
    )
    .innerJoin(
      leaf,
      and(
        eq(leaf.tenant, asset.tenant),
        eq(leaf.asset, asset.id),
        eq(leaf.version, asset.active),
        eq(leaf.product, product),
        eq(leaf.rendition, rendition),
      ),
    )
    .innerJoin(node, and(eq(node.tenant, leaf.tenant), eq(node.id, leaf.node)))
    .innerJoin(derivative, and(eq(derivative.tenant, node.tenant), eq(derivative.sha256, node.output)))
    .where(and(eq(asset.tenant, sql`${key.tenant}`), eq(asset.id, id), isNull(asset.archivedAt)))
    .limit(1)
  if (!found?.objectKey) return c.json({ code: 'not-found' }, 404)
  if (c.req.query('delivery') === 'stream') {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: found.objectKey }))
    return new Response(Body?.transformToWebStream() as ReadableStream, {
      headers: { 'Content-Type': found.mediaType ?? '' },
    })
  }
  const url = await getSignedUrl(client, new GetObjectCommand({ Bucket: bucket, Key: found.objectKey }), {
    expiresIn: 300,
  })
  c.header('Matrix-Publication', String(found.publication))
  return c.redirect(url, 302)
})
serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => console.log(`http://127.0.0.1:${port}`))
