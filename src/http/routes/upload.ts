import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { identify } from '../../ingest/identify.ts'
import type { Destination, IngestedVersion, Upload } from '../../ingest/ingest.ts'
import { type Received, receive } from '../../ingest/receive.ts'
import { withoutControls } from '../../lib/plain-text.ts'
import { answerKey } from '../../manifest/idempotency.ts'
import { PUBLISH_POLICIES } from '../../model/asset.ts'
import { LABEL_PATTERN, MAX_LABELS } from '../../model/attributes.ts'
import { isMatrixError, refuse } from '../../model/errors.ts'
import type { Hex } from '../../model/ids.ts'
import { addressOf } from '../address.ts'
import { auditChange } from '../audit.ts'

import { type UploadBody, uploadBody } from '../body.ts'
import type { Env, MatrixContext } from '../context.ts'
import { fingerprint, replay, type Work, withIdempotencyKey } from '../idempotent.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { AssetIdParam, Name, violationsOf } from '../validation.ts'
import { documentUpload } from './upload.openapi.ts'

const Common = z.strictObject({
  publish: z.enum(PUBLISH_POLICIES).default('when-ready'),
  filename: z.string().max(1024).optional(),
})
const Labels = z
  .array(z.string().regex(LABEL_PATTERN))
  .max(MAX_LABELS)
  .transform(labels => [...new Set(labels)].sort())
const CreateQuery = Common.extend({
  collection: Name,
  labels: z
    .string()
    .default('')
    .transform(text => (text === '' ? [] : text.split(',')))
    .pipe(Labels)
    .openapi({ type: 'string', description: 'Of the asset from its first moment on, separated by commas' }),
  alias: z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/)
    .optional(),
})

const parseQuery = <T extends z.ZodType>(c: MatrixContext, schema: T): z.infer<T> => {
  const query = new URL(c.req.url).searchParams
  if (new Set(query.keys()).size !== [...query.keys()].length)
    throw refuse('invalid-request', 'A query parameter was given twice.')
  const parsed = schema.safeParse(Object.fromEntries(query))
  if (!parsed.success)
    throw refuse('invalid-request', 'The query does not fit its schema.', { violations: violationsOf(parsed.error) })
  return parsed.data
}

/** `Repr-Digest: sha-256=:<base64>:` (RFC 9530 section 3); other algorithms are not ours to check. */
const announcedDigest = (header: string | undefined): Hex | undefined => {
  if (header === undefined || !/(?:^|,)\s*sha-256\s*=/i.test(header)) return undefined
  const [, base64 = ''] = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(header) ?? []
  const digest = Buffer.from(base64, 'base64')
  if (digest.length !== 32) throw refuse('invalid-request', 'Repr-Digest does not carry a SHA-256.')
  return digest.toString('hex')
}

/** The last segment of the name, without what cannot be seen, at most 255 characters: a label, never a path. */
const cleanFilename = (name: string | undefined): string | undefined =>
  name === undefined ? undefined : withoutControls(name.replace(/^.*[\\/]/s, '')).slice(0, 255) || undefined

export const uploadRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { config, database, ingest, metrics, spoolFolder } = gateway
  const limits = gateway.inputLimits
  const guard = [authenticated(gateway.findPrincipal), requires('assets:write')] as const

  const spooled = async (
    c: MatrixContext,
    use: (received: Received, body: UploadBody) => Promise<Response> | Response,
  ): Promise<Response> => {
    const { maxUploadBytes: maxBytes, uploadIdleMs: idleMs } = config
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
    const permission = await ingest.authorise({ principal, destination, address: addressOf(c) })
    const announcedSha256 = announcedDigest(c.req.header('repr-digest'))
    return spooled(c, async (received, body) => {
      const print = fingerprint(key.request, received.sha256)
      const identity = await identify(received, body.mediaType, limits)
      const upload: Upload = {
        principal,
        destination,
        publish: query.publish,
        filename: cleanFilename(query.filename ?? body.filename),
        announcedSha256,
        cause: { actor: principal.id, correlationId: c.get('correlationId') },
      }
      let answer = { fingerprint: print, status: 201, headers: {} as Record<string, string>, body: '' }
      const version = await ingest.store(upload, permission, { received, identity }, async (tx, stored) => {
        answer = { ...answer, headers: headersOf(stored), body: JSON.stringify(stored) }
        await auditChange(c, tx, {
          resource: `assets/${stored.asset}`,
          after: { ...auditedVersion(stored), publish: query.publish },
        })
        await answerKey(tx, key, answer)
      })
      metrics.uploads.inc({ result: version.deduplicated ? 'deduplicated' : 'created' })
      metrics.ingestedBytes.inc(received.bytes)
      return new Response(answer.body, { status: answer.status, headers: answer.headers })
    })
  }

  const counted = async (
    c: MatrixContext,
    destination: Destination,
    query: z.infer<typeof Common>,
  ): Promise<Response> => {
    try {
      return await withIdempotencyKey(c, database, work => take(c, destination, query, work))
    } catch (error) {
      metrics.uploads.inc({ result: isMatrixError(error) ? error.code : 'internal' })
      throw error
    }
  }

  app.post('/v1/assets', ...guard, c => {
    const { collection, alias, labels, ...query } = parseQuery(c, CreateQuery)
    return counted(c, { kind: 'asset', collection, alias, labels }, query)
  })

  app.post('/v1/assets/:asset/versions', ...guard, c => {
    const asset = AssetIdParam.safeParse(c.req.param('asset'))
    if (!asset.success) throw refuse('not-found', 'There is no such asset for this product.')
    return counted(c, { kind: 'version', asset: asset.data }, parseQuery(c, Common))
  })

  documentUpload(app, { CreateQuery, Common })
}

/** Names that people gave are not in it: a person who is to be forgotten is not forgotten here. */
const auditedVersion = ({ collection, version, digest, bytes, media_type }: IngestedVersion) => ({
  collection,
  version,
  digest,
  bytes,
  media_type,
})

const headersOf = (version: IngestedVersion): Record<string, string> => ({
  'Content-Type': 'application/json',
  'Cache-Control': 'no-store',
  Location: `/v1/assets/${version.asset}`,
  'Matrix-Publication': String(version.publication),
  'Matrix-Event-No': String(version.event_no),
})
