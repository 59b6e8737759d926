/** A staged upload as its owner sees it: how far it is, and what to send where. */
import { z } from '@hono/zod-openapi'
import type { Gateway } from '../gateway.ts'
import { findUpload } from '../manifest/uploads.ts'
import { refuse } from '../model/errors.ts'
import { digestOf, UUID_PATTERN } from '../model/ids.ts'
import { partsOf, type StagedUpload, UPLOAD_STATES } from '../model/staged.ts'
import { stagingKey } from '../objects/keys.ts'
import type { MatrixContext } from './context.ts'

export const UploadId = z.string().regex(UUID_PATTERN)

const headers = z
  .record(z.string(), z.string())
  .openapi({ description: 'To be sent as they are; all of them are signed' })

export const UploadSchema = z
  .object({
    upload_id: z.uuid(),
    state: z.enum(UPLOAD_STATES),
    collection: z.string().optional(),
    asset: z.uuid().optional(),
    bytes: z.number().int(),
    sha256: z.string().optional(),
    media_type: z.string().optional(),
    deduplicated: z.literal(true).optional().openapi({
      description: 'These bytes are here and you may have them: complete it without sending them',
    }),
    method: z.literal('PUT').optional(),
    url: z.url().optional().openapi({ description: 'Takes exactly these bytes; of an upload in one piece' }),
    headers: headers.optional(),
    part_bytes: z.number().int().optional(),
    parts: z
      .array(
        z.object({
          number: z.number().int(),
          bytes: z.number().int(),
          received: z.boolean(),
          url: z.url().optional(),
          headers: headers.optional(),
        }),
      )
      .optional(),
    received: z.boolean().optional().openapi({ description: 'All of it has come: it may be completed' }),
    expires_at: z.string().optional().openapi({ description: 'End of these URLs; a read gives fresh ones' }),
    open_until: z.string().openapi({ description: 'End of the upload' }),
    created_at: z.string(),
    version: z.looseObject({ asset: z.uuid(), version: z.number().int() }).optional().openapi({
      description: 'What it has become, as its completion was answered',
    }),
    problem: z.looseObject({ code: z.string(), detail: z.string() }).optional(),
  })
  .openapi('Upload')

type Document = z.infer<typeof UploadSchema>

/** Those of other products and tenants are not there. Throws `not-found`. */
export const visibleUpload = async (
  { database }: Pick<Gateway, 'database'>,
  c: MatrixContext,
  id: string,
): Promise<StagedUpload> => {
  const { tenant, product } = c.get('principal')
  const upload = await findUpload(database, tenant, id)
  if (!upload || (product !== undefined && upload.product !== product))
    throw refuse('not-found', 'There is no such upload for this product.')
  return upload
}

const BACKDATE_MS = 30_000

/** How long URLs that are signed now live: no longer than the upload. */
const lifeOf = ({ clock, config }: Pick<Gateway, 'clock' | 'config'>, { expiresAt }: StagedUpload) => {
  const now = clock.now()
  const end = Math.min(now + config.stagedUrlSeconds * 1000, expiresAt.getTime())
  const signedAt = now - BACKDATE_MS
  return { signedAt: new Date(signedAt), expiresInSeconds: Math.max(1, Math.floor((end - signedAt) / 1000)), end }
}

type Needs = Pick<Gateway, 'clock' | 'config' | 'staging'>

/** What to send: for all of a fresh upload, for a resumed one what has not come. */
const toSend = async (gateway: Needs, upload: StagedUpload, isFresh: boolean): Promise<Partial<Document>> => {
  const { staging } = gateway
  const { tenant, id, bytes, sha256, wish, parts } = upload
  const key = stagingKey(tenant, id)
  const { end, ...life } = lifeOf(gateway, upload)
  const expires_at = new Date(end).toISOString()
  if (!parts) {
    const received = !isFresh && (await staging.stat(key)) !== undefined
    const signed = await staging.signPut({ key, bytes, sha256, mediaType: wish.mediaType, ...life })
    return { method: 'PUT', ...signed, headers: { ...signed.headers }, expires_at, received }
  }
  const { session } = parts
  const there = isFresh ? [] : await staging.listParts({ key, session })
  const lengths = new Map(there?.map(part => [part.number, part.bytes]))
  const sending = partsOf(bytes, parts.bytes).map(async ({ number, bytes }) => {
    const received = there === undefined || lengths.get(number) === bytes
    if (received) return { number, bytes, received }
    const { url, headers } = await staging.signPart({ key, session, number, bytes, ...life })
    return { number, bytes, received, url, headers: { ...headers } }
  })
  const all = await Promise.all(sending)
  const received = all.every(part => part.received)
  return { method: 'PUT', part_bytes: parts.bytes, parts: all, expires_at, received }
}

export const presentUpload = async (
  gateway: Needs,
  upload: StagedUpload,
  { isFresh = false, isKnown = false } = {},
): Promise<Document> => {
  const { id, state, wish, bytes, sha256, answer, problem } = upload
  return {
    upload_id: id,
    state,
    collection: wish.collection,
    asset: wish.asset,
    bytes,
    sha256: sha256 && digestOf(sha256),
    media_type: wish.mediaType,
    ...(isKnown && { deduplicated: true as const }),
    ...(state === 'OPEN' && (await toSend(gateway, upload, isFresh))),
    open_until: upload.expiresAt.toISOString(),
    created_at: upload.createdAt.toISOString(),
    ...(answer && { version: JSON.parse(answer.body) }),
    ...(problem && { problem: { code: problem.code, detail: problem.message } }),
  }
}
