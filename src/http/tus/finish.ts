/**
 * The end of an upload in pieces: the whole is read back, verified like any other upload, and stored; its version and the end of the
 * upload are one commit, so however often it is tried, by whomever, there is one version.
 *
 * Killed before that commit: the upload is open, without its tail, which is sent again. After it: whoever asks hears what was
 * answered. Refused content ends it, too, and whoever asks again hears the same refusal. What may be repeated (a store that is away)
 * leaves it open.
 */
import type { Gateway } from '../../gateway.ts'
import type { Upload } from '../../ingest/ingest.ts'
import { readWhole } from '../../ingest/pieces.ts'
import { receive } from '../../ingest/receive.ts'
import { clearTusUpload } from '../../manifest/tus-janitor.ts'
import {
  endTusUpload,
  finishTusUpload,
  type Held,
  listTusPieces,
  stopFinishing,
  type TusAnswer,
  type TusRefusal,
} from '../../manifest/tus-uploads.ts'
import { type ErrorCode, isMatrixError, MatrixError, refuse } from '../../model/errors.ts'
import { trustOf } from '../../model/source.ts'
import { piecesPrefix } from '../../objects/keys.ts'
import { removeUnder } from '../../objects/remove-under.ts'
import { addressOf } from '../address.ts'
import { causeOf, type MatrixContext } from '../context.ts'
import { storeUpload, type UploadAnswer } from '../stored.ts'
import type { Wish } from './wish.ts'

const SAY_AGAIN_MS = 3_000

export interface Whole {
  readonly held: Held
  readonly wish: Wish
  readonly length: number
  readonly tail: readonly Uint8Array[]
}

export const superseded = () => refuse('conflict', 'Another request has taken this upload up, or it is over.')

/** Answers that are for the sender and stay the same. */
const isFinal = (error: unknown): error is MatrixError =>
  isMatrixError(error) && !error.retryable && error.publicMessage !== undefined && error.code !== 'conflict'

const refusalOf = ({ code, publicMessage = '', violations, details }: MatrixError): TusRefusal => ({
  code,
  message: publicMessage,
  violations,
  details,
})

export const refusalAgain = ({ code, message, violations = [], details = {} }: TusRefusal): MatrixError =>
  refuse(code as ErrorCode, message, { violations, details })

/** Of an answer that says that the upload is whole. `Location` is the upload's own where it is created, so it is not in here. */
const headersOf = ({ headers, body }: UploadAnswer): Record<string, string> => {
  const { asset, version, digest } = JSON.parse(body) as { asset: string; version: number; digest: string }
  const { 'Matrix-Publication': publication = '', 'Matrix-Event-No': eventNo = '' } = headers
  return {
    'Matrix-Asset': asset,
    'Matrix-Version': String(version),
    'Matrix-Digest': digest,
    'Matrix-Publication': publication,
    'Matrix-Event-No': eventNo,
  }
}

/** Throws what the other entrances refuse with, and `conflict` when it is not ours to end any more. */
export const finishUpload = async (
  c: MatrixContext,
  gateway: Gateway,
  { held, wish, length, tail }: Whole,
): Promise<TusAnswer> => {
  const { database, staging, ingest, metrics, spoolFolder, config } = gateway
  const { tenant, upload } = held
  const principal = c.get('principal')
  const sayAgain = setInterval(() => {
    finishTusUpload(database, held).catch(() => undefined) // said again in time, or another takes it up and this one cannot commit
  }, SAY_AGAIN_MS)
  let ended: TusAnswer | undefined
  try {
    const { destination, aliases, identityHints, publish, filename, mediaType, announcedSha256 } = wish
    const asked = { principal, destination, aliases, trust: trustOf('tus'), address: addressOf(c) }
    const permission = await ingest.authorise(asked)
    const whole = readWhole({ staging, tenant, upload, pieces: await listTusPieces(database, held), tail })
    const received = await receive(whole, { folder: spoolFolder, maxBytes: length, idleMs: config.uploadIdleMs })
    try {
      if (received.bytes !== length)
        throw new MatrixError('storage-unavailable', `Upload ${upload} has ${received.bytes} of ${length} bytes`)
      const cause = causeOf(c)
      const source = { entrance: 'tus', ref: upload } as const
      const wanted: Upload = {
        principal,
        destination,
        aliases,
        identityHints,
        publish,
        filename,
        announcedSha256,
        source,
        cause,
      }
      await storeUpload(c, gateway, {
        upload: wanted,
        permission,
        content: { received, mediaType },
        remember: async (tx, answer) => {
          ended = { headers: headersOf(answer), body: answer.body }
          if (!(await endTusUpload(tx, held, { state: 'DONE', answer: ended }))) throw superseded()
        },
      })
    } finally {
      await received.close()
    }
  } catch (error) {
    metrics.uploads.inc({ result: isMatrixError(error) ? error.code : 'internal' })
    if (!isFinal(error)) {
      await stopFinishing(database, held).catch(() => undefined) // it runs out by itself
      throw error
    }
    metrics.tusUploads.inc({ event: 'refused' })
    if (await endTusUpload(database, held, { state: 'REFUSED', answer: refusalOf(error) })) await tidy(gateway, held)
    throw error
  } finally {
    clearInterval(sayAgain)
  }
  metrics.tusUploads.inc({ event: 'finished' })
  await tidy(gateway, held)
  if (ended === undefined) throw new MatrixError('internal', 'An upload was stored without an answer')
  return ended
}

/** Now instead of by the janitor, who does it where this fails. */
export const tidy = async ({ staging, database, log }: Gateway, { tenant, upload }: Held): Promise<void> => {
  try {
    await removeUnder(staging, piecesPrefix(tenant, upload))
    await clearTusUpload(database, { tenant, upload })
  } catch (error) {
    log.warn({ err: error, upload }, 'pieces are left to the janitor')
  }
}
