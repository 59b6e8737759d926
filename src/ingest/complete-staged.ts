/**
 * The end of a staged upload, whoever asks for it: read from the staging bucket, verified here, and stored as any other upload is.
 * Killed at any place it may be asked for again and there is one version:
 *
 *   claim -> join parts -> read, hash, identify -> put the original (create-only) -> one transaction: version, answer, COMPLETED
 *     -> remove what was staged
 *
 * Before the transaction nothing is there that the next one does not find and use; after it whoever asks again is told the same. What
 * is left in staging the sweep removes. Content that is refused is refused for good, and removed too.
 */
import type { Database, Sql } from '../manifest/database.ts'
import { claimUpload, extendUpload, finishUpload, rejectUpload, releaseUpload } from '../manifest/uploads.ts'
import { type ErrorCode, isMatrixError, type MatrixError, refuse } from '../model/errors.ts'
import type { Cause } from '../model/event.ts'
import type { Source } from '../model/source.ts'
import type { StagedAnswer, StagedUpload } from '../model/staged.ts'
import { stagingKey } from '../objects/keys.ts'
import type { StagingStore } from '../objects/s3-staging.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { Asked, PermissionDependencies } from '../policy/permission.ts'
import type { Log } from '../telemetry/log.ts'
import type { Destination, Permission, Upload } from './ingest.ts'
import { mayTakeKnown } from './known-bytes.ts'
import type { Received } from './receive.ts'
import { type NamedPart, readStaged } from './staged.ts'

export interface StagedDependencies extends PermissionDependencies {
  readonly database: Database
  readonly originals: ObjectStore
  readonly staging: StagingStore
  readonly spoolFolder: string
  readonly config: { readonly uploadIdleMs: number }
  readonly log: Log
}

export interface Completion<T> extends Pick<Asked, 'principal' | 'address'> {
  /** As clients name them; what the store has, otherwise. */
  readonly parts?: readonly NamedPart[] | undefined
  readonly source: Source
  readonly cause: Cause
  readonly permit: (upload: Upload) => Promise<Permission>
  /** Stores it; `finish` is for its transaction, with what is told to whoever asks again. */
  readonly store: (made: {
    readonly upload: Upload
    readonly permission: Permission
    readonly received: Received
    readonly mediaType: string | undefined
    readonly finish: (tx: Sql, answer: StagedAnswer) => Promise<void>
  }) => Promise<T>
}

const EXTEND_EVERY_MS = 20_000
/** What more bytes or a later time would not mend. */
const FOR_GOOD: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'content-mismatch',
  'unsupported-media',
  'corrupt-media',
  'decompression-bomb',
  'payload-too-large',
  // What the collection does not take.
  'contract-violation',
])
/** A store that refuses our own put says so in its words alone. */
const isForGood = (error: unknown): error is MatrixError & { publicMessage: string } =>
  isMatrixError(error) && FOR_GOOD.has(error.code) && error.publicMessage !== undefined

export const stagedDestination = (wish: StagedUpload['wish']): Destination => {
  const { collection = '', asset, alias, labels = [], attributes } = wish
  return asset === undefined ? { kind: 'asset', collection, alias, labels, attributes } : { kind: 'version', asset }
}

export const underWay = () =>
  refuse('upload-incomplete', 'The upload is being completed by another request.', { retryAfterSeconds: 1 })

/** Throws what was told before. */
export const requireOpen = ({ state, problem }: StagedUpload): void => {
  if (problem) throw refuse(problem.code, problem.message, { violations: problem.violations, details: problem.details })
  if (state === 'EXPIRED') throw refuse('conflict', 'The upload has ended without being completed; begin another.')
}

/** Resolves with `undefined` where it is not open, or somebody else is completing it. */
export const openStagedCompletion = (dependencies: StagedDependencies) => {
  const { database, originals, staging, spoolFolder, config, log } = dependencies

  /** What stays is removed by the sweep. */
  const tidy = (upload: StagedUpload): Promise<void> =>
    staging
      .delete(stagingKey(upload.tenant, upload.id))
      .catch(error => log.warn({ err: error, upload: upload.id }, 'a staged object stays for the sweep'))

  const giveBack = async (upload: StagedUpload, fence: number, error: unknown): Promise<void> => {
    if (!isForGood(error)) return releaseUpload(database, upload, fence)
    const { code, publicMessage: message, violations, details } = error
    if (await rejectUpload(database, upload, fence, { code, message, violations, details })) await tidy(upload)
  }

  const storeClaimed = async <T>(staged: StagedUpload, fence: number, completion: Completion<T>): Promise<T> => {
    const { principal, address, source, cause, parts: named } = completion
    const { aliases, identityHints, publish, filename, mediaType } = staged.wish
    const upload: Upload = {
      principal,
      destination: stagedDestination(staged.wish),
      aliases,
      identityHints,
      publish,
      filename,
      announcedSha256: staged.sha256,
      source,
      cause,
    }
    const permission = await completion.permit(upload)
    const received = await readStaged(staged, {
      staging,
      originals,
      options: { folder: spoolFolder, idleMs: config.uploadIdleMs },
      named,
      mayTakeKnown: () => mayTakeKnown(dependencies, { principal, address, sha256: staged.sha256 ?? '' }),
    })
    const finish = async (tx: Sql, answer: StagedAnswer): Promise<void> => {
      if (!(await finishUpload(tx, staged, fence, answer))) throw underWay()
    }
    try {
      return await completion.store({ upload, permission, received, mediaType, finish })
    } finally {
      await received.close()
    }
  }

  return async <T>(staged: StagedUpload, completion: Completion<T>): Promise<T | undefined> => {
    const fence = await claimUpload(database, staged)
    if (fence === undefined) return undefined
    const heartbeat = setInterval(() => {
      // A lease that runs out shows in the fence, when the version is made.
      extendUpload(database, staged, fence).catch(() => undefined)
    }, EXTEND_EVERY_MS)
    try {
      const stored = await storeClaimed(staged, fence, completion)
      await tidy(staged)
      return stored
    } catch (error) {
      await giveBack(staged, fence, error).catch(() => undefined) // its lease runs out by itself within a minute
      throw error
    } finally {
      clearInterval(heartbeat)
    }
  }
}
