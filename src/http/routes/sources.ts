/** Other systems that originals come from: what each is allowed to bring about. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { findCollection } from '../../manifest/collections.ts'
import type { Sql } from '../../manifest/database.ts'
import { lockTenant } from '../../manifest/products.ts'
import { deleteSource, findSource, type KeptSource, listSources, putSource } from '../../manifest/sources.ts'
import { PUBLISH_POLICIES } from '../../model/asset.ts'
import { refuse } from '../../model/errors.ts'
import type { Trust } from '../../model/source.ts'
import { ADAPTERS, bucketSecretPlace, SIGNATURE_SCHEMES, sourceSecretPlace } from '../../model/source-system.ts'
import { secretFault } from '../../policy/source-signature.ts'
import { auditChange } from '../audit.ts'
import { isSeen, requireIfMatch, requireState, stateTag, writeConfiguration } from '../configuration.ts'
import type { Env } from '../context.ts'
import { requireProduct } from '../existing.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { Name, WriteQuery } from '../validation.ts'

const fields = {
  adapter: z.enum(ADAPTERS).openapi({ description: 'What its payloads look like' }),
  product: Name.openapi({ description: 'In whose name it uploads' }),
  collection: Name.openapi({ description: 'Where its new assets go' }),
  scheme: z.enum(SIGNATURE_SCHEMES),
  header: z
    .string()
    .regex(/^[a-z0-9-]{1,60}$/)
    .optional()
    .openapi({
      description:
        'Name of the one with the signature, where the scheme is `hmac-sha256`; by default x-hub-signature-256',
    }),
  base_url: z
    .string()
    .max(1024)
    .regex(/^https?:\/\/[^\s?#@]+$/)
    .optional()
    .openapi({ description: 'Where objects of `s3-events` are fetched; `{bucket}` stands for the name of theirs' }),
  bucket_key: z
    .strictObject({
      id: z.string().regex(/^[\x21-\x7e]{1,128}$/),
      region: z
        .string()
        .regex(/^[a-z0-9-]{1,40}$/)
        .default('us-east-1'),
    })
    .optional()
    .openapi({ description: 'Of a private bucket of `s3-events`: the access key that its objects are read with' }),
  trust: z
    .number()
    .int()
    .min(0)
    .max(3)
    .default(1)
    .openapi({ description: 'How far its assets are trusted, from 0 to 3' }),
  publish: z.enum(PUBLISH_POLICIES).default('when-ready'),
}
const SourceBody = z.strictObject({
  ...fields,
  bucket_secret: z
    .string()
    .regex(/^[\x21-\x7e]{1,256}$/)
    .optional()
    .openapi({ description: 'Of `bucket_key`. Never shown; absent, the one that is there stays with its key' }),
  secret: z.string().max(512).optional().openapi({
    description: 'Never shown. Needed of a new source and with a new scheme; else the one that is there stays',
  }),
})
const SourceSchema = z
  .object({ name: z.string(), ...fields, secret_at: z.string().openapi({ description: 'When its secret was set' }) })
  .openapi('Source')

const params = z.object({ source: Name })
const shared = refusals(...JSON_ROUTE)
const conditional = refusals('invalid-request', 'precondition-failed')

const presentSource = ({
  name,
  adapter,
  product,
  collection,
  scheme,
  header,
  baseUrl,
  bucketKey,
  trust,
  publish,
  secretAt,
}: KeptSource) => ({
  ...{ name, adapter, product, collection, scheme, header, trust, publish },
  base_url: baseUrl,
  ...(bucketKey && { bucket_key: { id: bucketKey.keyId, region: bucketKey.region } }),
  secret_at: secretAt.toISOString(),
})

const violation = (pointer: string, rule: string, message: string) =>
  refuse('contract-violation', 'The body does not fit its schema.', { violations: [{ pointer, rule, message }] })

const noSuchSource = () => refuse('not-found', 'There is no such source.')

/** Throws `contract-violation`. */
const requireSense = async (sql: Sql, tenant: string, body: z.infer<typeof SourceBody>): Promise<void> => {
  await requireProduct(sql, { tenant, product: body.product, pointer: '/product' })
  if (!(await findCollection(sql, tenant, body.collection)))
    throw violation('/collection', 'exists', `There is no collection ${body.collection}.`)
  if (body.adapter === 's3-events' && body.base_url === undefined)
    throw violation('/base_url', 'required', 'Expected where the objects are fetched.')
  if (body.base_url !== undefined && !URL.canParse(body.base_url.replace('{bucket}', 'bucket')))
    throw violation('/base_url', 'url', 'Expected a URL.')
  if (body.bucket_key !== undefined && body.adapter !== 's3-events')
    throw violation('/bucket_key', 'adapter', 'Only objects of `s3-events` are in a bucket.')
  if (body.bucket_key === undefined && body.bucket_secret !== undefined)
    throw violation('/bucket_key', 'required', 'Expected the key that the secret belongs to.')
  if (body.header !== undefined && body.scheme !== 'hmac-sha256')
    throw violation('/header', 'scheme', 'The scheme has headers of its own.')
}

export const sourceRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { config, database, sealing, clock } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('matrix:admin'), jsonOnly(config)]
  const common = { tags: ['Ingest'], security, middleware }

  const secretOf = (tenant: string, name: string, body: z.infer<typeof SourceBody>, found: KeptSource | undefined) => {
    const { scheme, secret } = body
    if (secret === undefined) {
      if (found?.scheme === scheme) return { secret: found.secret, secretAt: found.secretAt }
      throw violation('/secret', 'required', 'Expected a secret.')
    }
    const fault = secretFault(scheme, secret)
    if (fault !== undefined) throw violation('/secret', 'form', fault)
    return { secret: sealing.seal(secret, sourceSecretPlace({ tenant, name })), secretAt: new Date(clock.now()) }
  }

  /** A secret stays with its key, and goes with it. */
  const bucketOf = (tenant: string, name: string, body: z.infer<typeof SourceBody>, found: KeptSource | undefined) => {
    const { bucket_key: key, bucket_secret: secret } = body
    if (key === undefined) return { bucketKey: undefined, bucketSecret: undefined }
    const kept = found?.bucketKey?.keyId === key.id ? found.bucketSecret : undefined
    const bucketSecret = secret === undefined ? kept : sealing.seal(secret, bucketSecretPlace({ tenant, name }))
    if (bucketSecret === undefined) throw violation('/bucket_secret', 'required', 'Expected the secret of the key.')
    return { bucketKey: { keyId: key.id, region: key.region }, bucketSecret }
  }

  app.openapi(
    createRoute({
      ...common,
      method: 'put',
      path: '/v1/sources/{source}',
      summary: 'Take originals from another system, by its webhooks to /v1/ingest/{source}',
      request: { params, query: WriteQuery, ...jsonBody(SourceBody) },
      responses: {
        201: json(SourceSchema, 'The source, which is new'),
        200: json(SourceSchema, 'The source, or with `validate_only` what would be'),
        ...shared,
        ...conditional,
      },
    }),
    async c => {
      const { tenant, id: createdBy } = c.get('principal')
      const { source: name } = c.req.valid('param')
      const body = c.req.valid('json')
      const tries = c.req.valid('query').validate_only === 'true'
      const { shown, isNew } = await writeConfiguration(database, { tries }, async tx => {
        await lockTenant(tx, tenant)
        const found = await findSource(tx, tenant, name)
        const before = found && presentSource(found)
        requireState(c, before && stateTag(before))
        await requireSense(tx, tenant, body)
        const { adapter, product, collection, scheme, header, base_url: baseUrl, publish } = body
        const kept = {
          name,
          adapter,
          product,
          collection,
          scheme,
          header,
          baseUrl,
          publish,
          trust: body.trust as Trust,
        }
        const source: KeptSource = {
          ...kept,
          ...secretOf(tenant, name, body, found),
          ...bucketOf(tenant, name, body, found),
        }
        await putSource(tx, { ...source, tenant, createdBy })
        const shown = presentSource(source)
        await auditChange(c, tx, { resource: `sources/${name}`, before, after: shown })
        return { shown, isNew: before === undefined }
      })
      if (tries) return c.json(shown, 200)
      c.header('ETag', stateTag(shown))
      return c.json(shown, isNew ? 201 : 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/sources',
      summary: 'The systems that originals are taken from',
      responses: { 200: json(z.object({ items: z.array(SourceSchema) }), 'All of them'), ...shared },
    }),
    async c => {
      const sources = await listSources(database, c.get('principal').tenant)
      return c.json({ items: sources.map(presentSource) }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/sources/{source}',
      summary: 'A system that originals are taken from',
      request: { params },
      responses: { 200: json(SourceSchema, 'The source'), 304: { description: 'Unchanged' }, ...shared },
    }),
    async c => {
      const found = await findSource(database, c.get('principal').tenant, c.req.valid('param').source)
      if (!found) throw noSuchSource()
      const shown = presentSource(found)
      if (isSeen(c, stateTag(shown))) return c.body(null, 304)
      return c.json(shown, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'delete',
      path: '/v1/sources/{source}',
      summary: 'Take nothing more from it; what it has brought stays, what is not done yet will not be',
      request: { params, query: WriteQuery },
      responses: { 204: { description: 'Gone' }, ...shared, ...conditional, ...refusals('precondition-required') },
    }),
    async c => {
      requireIfMatch(c)
      const { tenant } = c.get('principal')
      const { source: name } = c.req.valid('param')
      await writeConfiguration(database, { tries: c.req.valid('query').validate_only === 'true' }, async tx => {
        await lockTenant(tx, tenant)
        const found = await findSource(tx, tenant, name)
        if (!found) throw noSuchSource()
        const before = presentSource(found)
        requireState(c, stateTag(before))
        await deleteSource(tx, tenant, name)
        await auditChange(c, tx, { resource: `sources/${name}`, before })
      })
      return c.body(null, 204)
    },
  )
}
