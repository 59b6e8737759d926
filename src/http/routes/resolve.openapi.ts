import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from '@hono/zod-openapi'
import { FORMATS } from '../../model/recipe.ts'
import type { Env } from '../context.ts'
import { ExplanationSchema } from '../explanation.ts'
import { json, refusals, security } from '../openapi.ts'
import { PlaceholderSchema } from '../placeholder.ts'
import { DeprecationSchema } from '../rendition.ts'

export const ResolutionSchema = z
  .object({
    state: z.enum(['ready', 'stale']).openapi({ description: '`stale`: of an earlier version, as `fallback` allowed' }),
    stale_reason: z.literal('pending').optional(),
    retry_after: z.number().optional(),
    status_url: z.url().optional(),
    asset: z.uuid(),
    version: z.number().int(),
    publication: z.number().int(),
    product: z.string(),
    rendition: z.string(),
    dpr: z.number().optional(),
    revision: z.number().int().optional(),
    deprecation: DeprecationSchema.optional().openapi({
      description: 'The rendition is to go; likewise in the headers `Deprecation` (RFC 9745) and `Sunset` (RFC 8594)',
    }),
    node: z.string().optional(),
    digest: z.string(),
    media_type: z.string(),
    width: z.number().int().optional(),
    height: z.number().int().optional(),
    bytes: z.number().int(),
    delivery: z.object({
      url: z.url(),
      expires_at: z.iso.datetime(),
      cacheable: z.boolean(),
      via: z.enum(['s3', 'cdn']).openapi({
        description:
          'A presigned URL of the store, or a delivery URL of the CDN in front; plain ones, of what is public, say a year',
      }),
    }),
    placeholder: PlaceholderSchema.optional(),
    shared_with: z.number().int().optional(),
  })
  .openapi('Resolution')

export const PendingSchema = z
  .object({
    state: z.literal('pending'),
    asset: z.uuid(),
    version: z.number().int().optional(),
    product: z.string(),
    rendition: z.string(),
    queued_at: z.iso.datetime().optional().openapi({
      description: 'Since when the first of the nodes has been wanted; absent before a version is published',
    }),
    blocking: z.array(
      z.object({ node: z.string().optional(), format: z.string(), state: z.string(), attempts: z.number().int() }),
    ),
    retry_after: z.number(),
    status_url: z.url(),
  })
  .openapi('Pending')

const InfoSchema = z
  .object({
    asset: z.uuid(),
    version: z.number().int(),
    publication: z.number().int(),
    product: z.string(),
    media_type: z.string().openapi({ description: 'Of the original, as found in its content' }),
    width: z.number().int().optional().openapi({ description: 'As a person sees it; absent: it is no picture' }),
    height: z.number().int().optional(),
    frames: z.number().int().optional(),
    placeholder: PlaceholderSchema.optional(),
    renditions: z
      .array(
        z.object({
          rendition: z.string(),
          revision: z.number().int(),
          format: z.enum(FORMATS),
          media_type: z.string(),
          width: z.number().int(),
          height: z.number().int(),
          bytes: z.number().int(),
          digest: z.string(),
          path: z.string().openapi({ description: 'The delivery path, without what lets it in' }),
        }),
      )
      .openapi({ description: 'What the product has ready, by rendition and format' }),
  })
  .openapi('Info')

const format = z.enum(['auto', ...FORMATS]).optional()
const found = {
  200: json(z.union([ResolutionSchema, ExplanationSchema]), 'Ready; or with `explain=1`, the explanation'),
  302: { description: 'Ready; `Location` is a presigned URL' },
  202: json(PendingSchema, 'Being made'),
  206: { description: 'The range that was asked for, where bytes are streamed' },
  304: {
    description: 'What the caller has is what it would get, and its URL still lives: the ETag names the window of it',
  },
  416: { description: 'The range is outside of the bytes' },
}
const failures = refusals(
  'invalid-request',
  'unauthenticated',
  'forbidden',
  'over-budget',
  'not-found',
  'not-acceptable',
  'not-ready',
  'asset-archived',
  'asset-erased',
  'precondition-failed',
  'unsupported-transform',
  'rendition-failed',
  'rate-limited',
  'overloaded',
)

/** Described by hand: the routes themselves are parsed by hand. */
export const documentResolve = (app: OpenAPIHono<Env>): void => {
  app.openAPIRegistry.registerPath({
    tags: ['Resolve'],
    security,
    method: 'get',
    path: '/v1/products/{product}/assets/{asset}/renditions/{rendition}',
    summary: 'Which URL, for this product and this caller, now',
    description: 'The rendition `original` gives the bytes as received, where the product may have them.',
    request: {
      params: z.object({ product: z.string(), asset: z.uuid(), rendition: z.string() }),
      query: z.object({
        format,
        version: z.string().optional(),
        wait: z.number().optional(),
        dpr: z
          .enum(['1', '1.5', '2', '3'])
          .optional()
          .openapi({ description: 'The rendition for a screen with more pixels, as `@2x` in a delivery URL' }),
        fallback: z.enum(['previous', 'none']).optional().openapi({
          description: 'What may stand in for what is not ready: the newest earlier version that was shown and has it',
        }),
        min: z
          .string()
          .optional()
          .openapi({ description: 'At least this publication, as `Matrix-Publication` of a write names it; else 409' }),
        delivery: z.enum(['json', 'redirect', 'stream']).optional(),
        explain: z
          .enum(['1', '0'])
          .optional()
          .openapi({ description: 'How the answer comes about, in its place; nothing is set in motion' }),
        as: z
          .string()
          .optional()
          .openapi({ description: 'With `explain=1`, for administrators: the id of a key, a product, or `anonymous`' }),
      }),
      headers: z.object({
        'Matrix-Min-Publication': z
          .string()
          .optional()
          .openapi({ description: 'The same as `min`, also on delivery URLs' }),
        Prefer: z.string().optional().openapi({
          description:
            '`wait=N`: hold the request up to N seconds for a derivative that is not ready; `fallback=previous` or `fallback=none`',
        }),
      }),
    },
    responses: { ...found, ...failures },
  })
  const target = z.object({ product: z.string(), asset: z.uuid(), version: z.string(), file: z.string() })
  const deliver = {
    tags: ['Deliver'],
    method: 'get' as const,
    responses: {
      ...found,
      200: json(
        InfoSchema,
        'The bytes, where the edge streams; or what stands in for them in a page, as `Matrix-Fallback` says; of `info.json` the document',
      ),
      308: { description: 'The one spelling of the same path' },
      ...failures,
    },
  }
  app.openAPIRegistry.registerPath({
    ...deliver,
    security,
    path: '/i/{product}/{asset}/{version}/{file}',
    summary: 'A derivative by URL: `/i/{product}/{asset}/v{n}|current/{rendition}.{ext|auto}`',
    description:
      '`original` in place of the file name gives the original, `?dl=name` names the download; `info.json` tells what is known.',
    request: {
      params: target,
      query: z.object({
        dl: z.string().optional(),
        exp: z.string().optional().openapi({ description: 'Of a signed URL: its end, in seconds since 1970' }),
        kid: z.string().optional().openapi({ description: 'Of a signed URL: the signing key' }),
        sig: z.string().optional().openapi({ description: 'Of a signed URL: HMAC-SHA256, base64url' }),
      }),
    },
  })
  app.openAPIRegistry.registerPath({
    ...deliver,
    path: '/s/{proof}/i/{product}/{asset}/{version}/{file}',
    summary: 'The same, signed in the path: `/s/{kid}.{exp}.{sig}/i/…`',
    request: { params: target.extend({ proof: z.string() }) },
  })
  app.openAPIRegistry.registerPath({
    ...deliver,
    path: '/share/{token}/i/{product}/{asset}/{version}/{file}',
    summary: 'The same, by a share link',
    request: { params: target.extend({ token: z.string() }) },
  })
}
