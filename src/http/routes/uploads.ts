/** Uploads that clients put into the staging bucket: reserved, resumed, completed, given up. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { answerKey } from '../../manifest/idempotency.ts'
import { deleteUpload, findUpload } from '../../manifest/uploads.ts'
import { isMatrixError, refuse } from '../../model/errors.ts'
import type { StagedWish } from '../../model/staged.ts'
import { stagingKey } from '../../objects/keys.ts'
import { auditChange } from '../audit.ts'
import { openCompletion } from '../complete-upload.ts'
import type { Env, MatrixContext } from '../context.ts'
import { fingerprint, replay, withIdempotencyKey } from '../idempotent.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, refusals, security } from '../openapi.ts'
import { openReservation, type Reserved } from '../reserve-upload.ts'
import { presentUpload, UploadId, UploadSchema, visibleUpload } from '../staged-document.ts'
import { Alias, AttributesBody, cleanFilename, JsonCommon, Labels } from '../upload-wishes.ts'
import { AssetIdParam, Name } from '../validation.ts'
import { IngestedVersionSchema } from './upload.openapi.ts'

const OF_NEW = ['alias', 'labels', 'attributes'] as const
const Reservation = JsonCommon.extend({
  collection: Name.optional().openapi({ description: 'Of a new asset' }),
  asset: AssetIdParam.optional().openapi({ description: 'Of which this is the next version' }),
  bytes: z.int().min(1).openapi({ description: 'Exactly as many are taken' }),
  media_type: z.string().max(200).optional().openapi({ description: 'A claim that the content must bear out' }),
  alias: Alias.optional(),
  labels: Labels.optional().openapi({ type: 'array', items: { type: 'string' } }),
  attributes: AttributesBody.optional(),
})
  .refine(({ collection, asset }) => collection !== undefined || asset !== undefined, {
    path: ['collection'],
    message: 'Expected a collection, or an asset.',
  })
  .refine(({ asset, ...said }) => asset === undefined || OF_NEW.every(name => said[name] === undefined), {
    path: ['asset'],
    message: 'Alias, labels and attributes are of new assets.',
  })

const Completion = z
  .strictObject({
    parts: z
      .array(z.strictObject({ number: z.int().min(1).max(10_000), etag: z.string().min(1).max(200) }))
      .min(1)
      .max(10_000)
      .optional(),
  })
  .openapi('UploadCompletion')

const params = z.object({ upload: UploadId })
const idempotent = z.object({ 'idempotency-key': z.string().optional() })
const REPEATED = [
  'idempotency-key-missing',
  'invalid-request',
  'idempotency-in-flight',
  'idempotency-key-reused',
] as const
const shared = refusals('unauthenticated', 'forbidden', 'not-found')
const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }

const wishOf = ({ bytes, sha256, ...said }: z.infer<typeof Reservation>) => {
  const { collection, asset, alias, aliases, labels, attributes, publish } = said
  const { identity_hints: identityHints, media_type: mediaType } = said
  const filename = cleanFilename(said.filename)
  const wish: StagedWish = {
    publish,
    ...(collection !== undefined && { collection }),
    ...(asset !== undefined && { asset }),
    ...(alias !== undefined && { alias }),
    ...(aliases !== undefined && { aliases }),
    ...(identityHints !== undefined && { identityHints }),
    ...(labels !== undefined && { labels }),
    ...(attributes !== undefined && { attributes }),
    ...(filename !== undefined && { filename }),
    ...(mediaType !== undefined && { mediaType }),
  }
  return { wish, bytes, sha256 }
}

export const uploadsRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, staging, metrics } = gateway
  const guard = [authenticated(gateway.findPrincipal), requires('assets:write')]
  const common = { tags: ['Ingest'], security, middleware: guard }
  const withBody = { ...common, middleware: [...guard, jsonOnly(gateway.config)] }
  const reserve = openReservation(gateway)
  const complete = openCompletion(gateway)

  const counted = async (work: () => Promise<Response>): Promise<never> => {
    try {
      return (await work()) as never
    } catch (error) {
      metrics.uploads.inc({ result: isMatrixError(error) ? error.code : 'internal' })
      throw error
    }
  }

  const shown = async ({ upload, isKnown }: Reserved, isFresh: boolean): Promise<Response> => {
    const document = await presentUpload(gateway, upload, { isFresh, isKnown })
    const location = { Location: `/v1/uploads/${upload.id}` }
    return new Response(JSON.stringify(document), { status: isKnown ? 200 : 201, headers: { ...headers, ...location } })
  }

  app.openapi(
    createRoute({
      ...withBody,
      method: 'post',
      path: '/v1/uploads',
      summary: 'Reserve an upload that is put straight into the store',
      description:
        'A repeated request is answered with the same upload as it is then, with fresh URLs while it is open.',
      request: {
        headers: idempotent,
        body: { required: true, content: { 'application/json': { schema: Reservation } } },
      },
      responses: {
        201: json(UploadSchema, 'What to send where'),
        200: json(UploadSchema, 'Nothing has to be sent: these bytes are here and you may have them'),
        ...refusals(...JSON_ROUTE, ...REPEATED, 'over-budget', 'attribute-forbidden', 'alias-conflict'),
        ...refusals('asset-archived', 'rate-limited', 'storage-unavailable'),
      },
    }),
    c =>
      counted(() =>
        withIdempotencyKey(c, database, async ({ key, answered }) => {
          const body = c.req.valid('json')
          const print = fingerprint(key.request, JSON.stringify(body))
          if (answered) {
            // URLs are short of life and open doors, so what is kept is the name of the upload.
            const known = (await replay(answered, print).json()) as { upload_id: string }
            const upload = await visibleUpload(gateway, c, known.upload_id)
            const response = await shown({ upload, isKnown: answered.status === 200 }, false)
            response.headers.set('Idempotent-Replayed', 'true')
            return response
          }
          const reserved = await reserve(c, wishOf(body), (tx, { upload, isKnown }) => {
            const status = isKnown ? 200 : 201
            return answerKey(tx, key, {
              fingerprint: print,
              status,
              headers,
              body: JSON.stringify({ upload_id: upload.id }),
            })
          })
          return shown(reserved, true)
        }),
      ),
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/uploads/{upload}',
      summary: 'How far an upload is, with fresh URLs for what has not come',
      request: { params },
      responses: { 200: json(UploadSchema, 'The upload'), ...shared, ...refusals('storage-unavailable') },
    }),
    async c => {
      const upload = await visibleUpload(gateway, c, c.req.valid('param').upload)
      return c.json(await presentUpload(gateway, upload), 200, { 'Cache-Control': 'no-store' })
    },
  )

  app.openapi(
    createRoute({
      ...withBody,
      method: 'post',
      path: '/v1/uploads/{upload}/complete',
      summary: 'Make a version of what has come',
      description:
        'It is read and verified before. A completed upload is answered with its version again, whoever asks and how.',
      request: {
        params,
        headers: idempotent,
        body: { required: false, content: { 'application/json': { schema: Completion } } },
      },
      responses: {
        201: json(IngestedVersionSchema, 'Stored; `state` tells how far its renditions are'),
        ...refusals(...JSON_ROUTE, ...REPEATED, 'over-budget', 'attribute-forbidden', 'alias-conflict', 'conflict'),
        ...refusals('asset-archived', 'content-mismatch', 'corrupt-media', 'decompression-bomb'),
        ...refusals('storage-unavailable', 'storage-full'),
      },
    }),
    c => {
      const { parts } = c.req.valid('json') ?? {}
      const wish = { id: c.req.valid('param').upload, parts }
      return counted(() => withIdempotencyKey(c, database, work => complete(c, wish, work)))
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'delete',
      path: '/v1/uploads/{upload}',
      summary: 'Give an upload up: what has come of it is removed',
      request: { params },
      responses: { 204: { description: 'Gone' }, ...shared, ...refusals('conflict', 'storage-unavailable') },
    }),
    async c => {
      const upload = await visibleUpload(gateway, c, c.req.valid('param').upload)
      await database.transaction(async tx => {
        if (!(await deleteUpload(tx, upload))) throw await whyNot(c, upload.id)
        await auditChange(c, tx, { resource: `uploads/${upload.id}`, before: { state: upload.state } })
      })
      const key = stagingKey(upload.tenant, upload.id)
      // The sweep does what is not done here.
      const cleared = [staging.delete(key), upload.parts && staging.dropParts({ key, ...upload.parts })]
      await Promise.allSettled(cleared)
      return c.body(null, 204)
    },
  )

  const whyNot = async (c: MatrixContext, id: string) => {
    const now = await findUpload(database, c.get('principal').tenant, id)
    if (!now) return refuse('not-found', 'There is no such upload for this product.')
    return now.state === 'COMPLETED'
      ? refuse('conflict', 'The upload has become a version.')
      : refuse('conflict', 'The upload is being completed.')
  }
}
