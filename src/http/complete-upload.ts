/**
 * The end of a staged upload, by whichever of its three requests: read from the staging bucket, verified here, and stored as any
 * other upload is. Killed at any place it may be asked for again, with the same Idempotency-Key or another, and there is one version:
 *
 *   claim -> join parts -> read, hash, identify -> put the original (create-only) -> one transaction: version, answer, COMPLETED
 *     -> remove what was staged
 *
 * Before the transaction nothing is there that the next one does not find and use; after it whoever asks again is told the same. What
 * is left in staging the sweep removes. Content that is refused is refused for good, and removed too.
 */
import type { Gateway } from '../gateway.ts'
import type { Destination, Upload } from '../ingest/ingest.ts'
import { mayTakeKnown } from '../ingest/known-bytes.ts'
import { type NamedPart, readStaged } from '../ingest/staged.ts'
import { answerKey } from '../manifest/idempotency.ts'
import { claimUpload, extendUpload, finishUpload, rejectUpload, releaseUpload } from '../manifest/uploads.ts'
import { type ErrorCode, isMatrixError, type MatrixError, refuse } from '../model/errors.ts'
import { trustOf } from '../model/source.ts'
import type { StagedAnswer, StagedUpload } from '../model/staged.ts'
import { stagingKey } from '../objects/keys.ts'
import { addressOf } from './address.ts'
import { causeOf, type MatrixContext } from './context.ts'
import { fingerprint, replay, type Work } from './idempotent.ts'
import type { Target } from './json-entrance.ts'
import { visibleUpload } from './staged-document.ts'
import { storeUpload } from './stored.ts'

export interface CompletionWish {
  readonly id: string
  /** As clients name them; what the store has, otherwise. */
  readonly parts?: readonly NamedPart[] | undefined
  /** Where the request itself says that the bytes go; `undefined`: where the upload does. */
  readonly target?: Target
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

export const destinationOf = ({
  collection = '',
  asset,
  alias,
  labels = [],
  attributes,
}: StagedUpload['wish']): Destination =>
  asset === undefined ? { kind: 'asset', collection, alias, labels, attributes } : { kind: 'version', asset }

const requireTarget = ({ wish }: StagedUpload, target: CompletionWish['target']): void => {
  const isFit =
    target === undefined || (target.kind === 'asset' ? wish.asset === undefined : wish.asset === target.asset)
  if (!isFit) throw refuse('conflict', 'The upload was begun for another place.')
}

/** Throws what was told before. */
const requireOpen = ({ state, problem }: StagedUpload): void => {
  if (problem) throw refuse(problem.code, problem.message, { violations: problem.violations, details: problem.details })
  if (state === 'EXPIRED') throw refuse('conflict', 'The upload has ended without being completed; begin another.')
}

const answered = ({ status, headers, body }: StagedAnswer, more: Readonly<Record<string, string>> = {}): Response =>
  new Response(body, { status, headers: { ...headers, ...more } })

/** Runs under an Idempotency-Key, which its answer settles. */
export const openCompletion = (gateway: Gateway) => {
  const { config, database, ingest, originals, staging, spoolFolder, log } = gateway

  /** What stays is removed by the sweep. */
  const tidy = (upload: StagedUpload): Promise<void> =>
    staging
      .delete(stagingKey(upload.tenant, upload.id))
      .catch(error => log.warn({ err: error, upload: upload.id }, 'a staged object stays for the sweep'))

  const again = async (upload: StagedUpload, { key }: Work, print: string): Promise<Response | undefined> => {
    if (!upload.answer) return undefined
    await answerKey(database, key, { ...upload.answer, fingerprint: print })
    return answered(upload.answer, { 'Idempotent-Replayed': 'true' })
  }

  const settle = async (upload: StagedUpload, fence: number, error: unknown): Promise<void> => {
    if (!isForGood(error)) return releaseUpload(database, upload, fence)
    const { code, publicMessage: message, violations, details } = error
    if (await rejectUpload(database, upload, fence, { code, message, violations, details })) await tidy(upload)
  }

  const store = async (c: MatrixContext, upload: StagedUpload, wish: CompletionWish, fence: number, work: Remember) => {
    const principal = c.get('principal')
    const [address, destination] = [addressOf(c), destinationOf(upload.wish)]
    const { aliases, identityHints, publish, filename, mediaType } = upload.wish
    const permission = await ingest.authorise({ principal, destination, aliases, trust: trustOf('staged'), address })
    const received = await readStaged(upload, {
      staging,
      originals,
      options: { folder: spoolFolder, idleMs: config.uploadIdleMs },
      named: wish.parts,
      mayTakeKnown: () => mayTakeKnown(gateway, { principal, address, sha256: upload.sha256 ?? '' }),
    })
    const made: Upload = {
      principal,
      destination,
      aliases,
      identityHints,
      publish,
      filename,
      announcedSha256: upload.sha256,
      source: { entrance: 'staged', ref: upload.id },
      cause: causeOf(c),
    }
    try {
      const { answer } = await storeUpload(c, gateway, {
        upload: made,
        permission,
        content: { received, mediaType },
        remember: async (tx, answer) => {
          if (!(await finishUpload(tx, upload, fence, answer))) throw underWay()
          await work(tx, answer)
        },
      })
      return answer
    } finally {
      await received.close()
    }
  }

  return async (c: MatrixContext, wish: CompletionWish, work: Work): Promise<Response> => {
    const print = fingerprint(work.key.request, JSON.stringify(wish))
    if (work.answered) return replay(work.answered, print)
    const upload = await visibleUpload(gateway, c, wish.id)
    requireTarget(upload, wish.target)
    requireOpen(upload)
    const before = await again(upload, work, print)
    if (before) return before
    const fence = await claimUpload(database, upload)
    if (fence === undefined) {
      const now = await visibleUpload(gateway, c, wish.id)
      requireOpen(now)
      const told = await again(now, work, print)
      if (told) return told
      throw underWay()
    }
    const heartbeat = setInterval(() => {
      // A lease that runs out shows in the fence, when the version is made.
      extendUpload(database, upload, fence).catch(() => undefined)
    }, EXTEND_EVERY_MS)
    try {
      const answer = await store(c, upload, wish, fence, (tx, answer) =>
        answerKey(tx, work.key, { ...answer, fingerprint: print }),
      )
      await tidy(upload)
      return answered(answer)
    } catch (error) {
      await settle(upload, fence, error).catch(() => undefined) // its lease runs out by itself within a minute
      throw error
    } finally {
      clearInterval(heartbeat)
    }
  }
}

type Remember = (tx: Parameters<typeof answerKey>[0], answer: StagedAnswer) => Promise<void>

const underWay = () =>
  refuse('upload-incomplete', 'The upload is being completed by another request.', { retryAfterSeconds: 1 })
