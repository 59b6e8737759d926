import type { OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import type { Destination, Upload } from '../../ingest/ingest.ts'
import { type Received, receive } from '../../ingest/receive.ts'
import { answerKey } from '../../manifest/idempotency.ts'
import { isMatrixError, refuse } from '../../model/errors.ts'
import { DIRECT, trustOf } from '../../model/source.ts'
import { addressOf } from '../address.ts'
import { type UploadBody, uploadBody } from '../body.ts'
import { causeOf, type Env, type MatrixContext } from '../context.ts'
import { fingerprint, replay, type Work, withIdempotencyKey } from '../idempotent.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { storeUpload } from '../stored.ts'
import { announcedDigest, Common, CreateQuery, cleanFilename } from '../upload-wishes.ts'
import { AssetIdParam, violationsOf } from '../validation.ts'
import { documentUpload } from './upload.openapi.ts'
import { jsonUploads, saysJson } from './upload-json.ts'

const parseQuery = <T extends z.ZodType>(c: MatrixContext, schema: T): z.infer<T> => {
  const query = new URL(c.req.url).searchParams
  if (new Set(query.keys()).size !== [...query.keys()].length)
    throw refuse('invalid-request', 'A query parameter was given twice.')
  const parsed = schema.safeParse(Object.fromEntries(query))
  if (!parsed.success)
    throw refuse('invalid-request', 'The query does not fit its schema.', { violations: violationsOf(parsed.error) })
  return parsed.data
}

export const uploadRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { config, database, ingest, metrics, spoolFolder } = gateway
  const guard = [authenticated(gateway.findPrincipal), requires('assets:write')] as const

  const spooled = async (
    c: MatrixContext,
    use: (received: Received, body: UploadBody) => Promise<Response> | Response,
    most = config.maxUploadBytes,
  ): Promise<Response> => {
    const { maxUploadBytes, uploadIdleMs: idleMs } = config
    const maxBytes = Math.min(maxUploadBytes, most)
    const body = await uploadBody(c, { maxBytes, idleMs })
    const received = await receive(body.stream, { folder: spoolFolder, maxBytes, idleMs })
    try {
      await body.finished()
      return await use(received, body)
    } finally {
      await received.close()
    }
  }

  const take = async (
    c: MatrixContext,
    destination: Destination,
    query: z.infer<typeof Common>,
    { key, answered }: Work,
  ): Promise<Response> => {
    // Whoever asks again hears what was answered, whatever has become of the asset or the grant since.
    if (answered) return spooled(c, ({ sha256 }) => replay(answered, fingerprint(key.request, sha256)))
    const principal = c.get('principal')
    const { aliases, identity_hints: identityHints } = query
    const trust = trustOf(DIRECT.entrance)
    const permission = await ingest.authorise({ principal, destination, aliases, trust, address: addressOf(c) })
    const announcedSha256 = announcedDigest(c.req.header('repr-digest'))
    const most = permission.collection.rules?.max_bytes
    const use = async (received: Received, body: UploadBody): Promise<Response> => {
      const print = fingerprint(key.request, received.sha256)
      const upload: Upload = {
        principal,
        destination,
        aliases,
        identityHints,
        publish: query.publish,
        filename: cleanFilename(query.filename ?? body.filename),
        announcedSha256,
        source: DIRECT,
        cause: causeOf(c),
      }
      const content = { received, mediaType: body.mediaType }
      const { answer } = await storeUpload(c, gateway, {
        upload,
        permission,
        content,
        remember: (tx, answer) => answerKey(tx, key, { ...answer, fingerprint: print }),
      })
      return new Response(answer.body, { status: answer.status, headers: answer.headers })
    }
    return spooled(c, use, most)
  }

  const counted = async (c: MatrixContext, take: (work: Work) => Promise<Response>): Promise<Response> => {
    try {
      return await withIdempotencyKey(c, database, take)
    } catch (error) {
      metrics.uploads.inc({ result: isMatrixError(error) ? error.code : 'internal' })
      throw error
    }
  }

  const readJson = jsonUploads(gateway)

  app.post('/v1/assets', ...guard, async c => {
    if (saysJson(c)) {
      const take = await readJson(c, { kind: 'asset' })
      return counted(c, take)
    }
    const { collection, alias, labels, attributes, ...query } = parseQuery(c, CreateQuery)
    return counted(c, work => take(c, { kind: 'asset', collection, alias, labels, attributes }, query, work))
  })

  app.post('/v1/assets/:asset/versions', ...guard, async c => {
    const asset = AssetIdParam.safeParse(c.req.param('asset'))
    if (!asset.success) throw refuse('not-found', 'There is no such asset for this product.')
    const destination = { kind: 'version', asset: asset.data } as const
    if (saysJson(c)) {
      const take = await readJson(c, destination)
      return counted(c, take)
    }
    const query = parseQuery(c, Common)
    return counted(c, work => take(c, destination, query, work))
  })

  documentUpload(app, { CreateQuery, Common })
}
