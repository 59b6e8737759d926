/** What the entrances end in: content that is there whole is identified, stored, audited, counted and answered. */
import type { Gateway } from '../gateway.ts'
import { type Identity, identify } from '../ingest/identify.ts'
import type { IngestedVersion, Permission, Upload } from '../ingest/ingest.ts'
import type { Received } from '../ingest/receive.ts'
import { answerOf } from '../ingest/stored-answer.ts'
import type { Sql } from '../manifest/database.ts'
import type { StoredAnswer } from '../manifest/idempotency.ts'
import { auditChange } from './audit.ts'
import type { MatrixContext } from './context.ts'

export type UploadAnswer = Omit<StoredAnswer, 'fingerprint'>

export interface StoreOptions {
  readonly upload: Upload
  readonly permission: Permission
  /** With the media type that the sender claims, or what the content was found to be. */
  readonly content: { readonly received: Received } & (
    | { readonly mediaType: string | undefined }
    | { readonly identity: Identity }
  )
  /** Runs in the transaction that makes the version, so that whoever asks again is answered the same. */
  readonly remember: (tx: Sql, answer: UploadAnswer, version: IngestedVersion) => Promise<void>
}

/** Throws what `identify` and `Ingest.store` do. The caller closes what was received. */
export const storeUpload = async (
  c: MatrixContext,
  { ingest, inputLimits, metrics }: Pick<Gateway, 'ingest' | 'inputLimits' | 'metrics'>,
  { upload, permission, content, remember }: StoreOptions,
): Promise<{ version: IngestedVersion; answer: UploadAnswer }> => {
  const { received } = content
  const identity = 'identity' in content ? content.identity : await identify(received, content.mediaType, inputLimits)
  let answer: UploadAnswer = { status: 201, headers: {}, body: '' }
  const version = await ingest.store(upload, permission, { received, identity }, async (tx, stored) => {
    answer = answerOf(stored)
    await auditChange(c, tx, {
      resource: `assets/${stored.asset}`,
      after: { ...auditedVersion(stored), publish: upload.publish, entrance: upload.source.entrance },
    })
    await remember(tx, answer, stored)
  })
  metrics.uploads.inc({ result: version.deduplicated ? 'deduplicated' : 'created' })
  metrics.ingestedBytes.inc(received.bytes)
  return { version, answer }
}

/** Names that people gave are not in it: a person who is to be forgotten is not forgotten here. */
const auditedVersion = ({ collection, version, digest, bytes, media_type }: IngestedVersion) => ({
  collection,
  version,
  digest,
  bytes,
  media_type,
})
