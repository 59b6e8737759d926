import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from '@hono/zod-openapi'
import { VERSION_STATES } from '../../model/asset.ts'
import type { Env } from '../context.ts'
import { json, refusals, security } from '../openapi.ts'
import { UrlCreate, UrlVersion } from '../upload-from-url.ts'
import { CompleteStaged } from '../upload-staged.ts'

export const IngestedVersionSchema = z
  .object({
    asset: z.uuid(),
    collection: z.string(),
    version: z.number().int(),
    state: z.enum(VERSION_STATES),
    digest: z.string(),
    bytes: z.number().int(),
    media_type: z.string(),
    width: z.number().int().optional(),
    height: z.number().int().optional(),
    frames: z.number().int().optional(),
    deduplicated: z.boolean(),
    publication: z
      .number()
      .int()
      .openapi({ description: 'Of the asset, as this upload leaves it: a consistency token' }),
    event_no: z.number().int(),
  })
  .openapi('IngestedVersion')

const bytes = z.any().openapi({ type: 'string', format: 'binary' })

/** Bodies of uploads are streams, which the framework's validation would buffer; so these two routes are described by hand. */
export const documentUpload = (
  app: OpenAPIHono<Env>,
  query: { CreateQuery: z.ZodObject; Common: z.ZodObject },
): void => {
  const common = {
    tags: ['Ingest'],
    security,
    responses: {
      201: json(IngestedVersionSchema, 'Stored; `state` tells how far its renditions are'),
      ...refusals(
        'invalid-request',
        'idempotency-key-missing',
        'unauthenticated',
        'forbidden',
        'over-budget',
        'attribute-forbidden',
        'not-found',
        'alias-conflict',
        'conflict',
        'upload-incomplete',
        'contract-violation',
        'url-forbidden',
        'source-unavailable',
        'overloaded',
        'idempotency-in-flight',
        'asset-archived',
        'payload-too-large',
        'unsupported-media',
        'content-mismatch',
        'corrupt-media',
        'decompression-bomb',
        'idempotency-key-reused',
        'storage-unavailable',
        'storage-full',
      ),
    },
  }
  const headers = z.object({
    'Idempotency-Key': z
      .string()
      .openapi({ description: 'Any string that is new for each wish; the same one again gives the same answer' }),
    'Repr-Digest': z.string().optional().openapi({ description: '`sha-256=:<base64>:`; other bytes are refused' }),
  })
  const body = (elsewhere: z.ZodType) => ({
    required: true,
    content: {
      'application/octet-stream': { schema: bytes },
      'multipart/form-data': { schema: z.object({ file: bytes }) },
      'application/json': { schema: elsewhere },
    },
  })
  app.openAPIRegistry.registerPath({
    ...common,
    method: 'post',
    path: '/v1/assets',
    summary: 'Upload an original as a new asset; where the body is JSON, all wishes are in it and none in the query',
    request: { headers, query: query.CreateQuery.partial(), body: body(z.union([UrlCreate, CompleteStaged])) },
  })
  app.openAPIRegistry.registerPath({
    ...common,
    method: 'post',
    path: '/v1/assets/{asset}/versions',
    summary: 'Upload the next version of an asset',
    request: {
      headers,
      query: query.Common,
      params: z.object({ asset: z.uuid() }),
      body: body(z.union([UrlVersion, CompleteStaged])),
    },
  })
}
