/**
 * The bytes of an upload that may be resumed, on their way into the staging bucket and out of it again. They are kept as pieces,
 * each an object of its own, as soon as there are 4 MiB of them: no multipart upload of S3, whose parts have to be 5 MiB, so what
 * came before a connection broke can be kept however little it is.
 *
 *   read 4 MiB -> put the object -> commit its row, which moves the offset (the next 4 MiB are read meanwhile)
 *
 * Killed before the put: those bytes were not acknowledged and are sent again. Between put and commit: an object that no row knows,
 * removed with the upload's prefix when it ends. After the commit: the offset says so to whoever asks.
 *
 * The bytes that complete an upload are its tail: they stay in memory, and what commits them is the version that they complete. So
 * there is no upload that is whole and has no version yet, and one that fits into a piece leaves nothing in the bucket at all.
 */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Piece } from '../manifest/tus-uploads.ts'
import { isMatrixError, MatrixError, refuse } from '../model/errors.ts'
import { newId, type TenantId } from '../model/ids.ts'
import { pieceKey } from '../objects/keys.ts'
import type { ObjectStore } from '../objects/store.ts'
import { silence } from './receive.ts'
import { openTwoBuffers } from './two-buffers.ts'

/** Two of them are in memory for each upload that is written to: one that is read, one that is put. */
export const PIECE_BYTES = 4 * 1024 * 1024
/** On a slow line a piece is kept after so long, and not when it is full: 4 MiB at 1 Mbit/s take half a minute. */
const SLOW_MS = 5_000
/** At least so much of the whole, or a slow line would come to more pieces than an upload may have. */
const slowBytes = (length: number): number => Math.max(256 * 1024, Math.ceil(length / 4_000))

export interface PiecesOptions {
  readonly staging: ObjectStore
  readonly tenant: TenantId
  readonly upload: string
  readonly offset: number
  readonly length: number
  readonly idleMs: number
  /** All at once, or none: before anything is committed the end of the stream is waited for, and this says whether it is as it should be. */
  readonly check: { update(chunk: Uint8Array): void; isRight(): boolean } | undefined
  /** False: somebody else writes to it now. */
  readonly commit: (pieces: readonly Piece[]) => Promise<boolean>
}

export interface Taken {
  readonly offset: number
  /** With them the upload is whole. Nothing has been committed of them. */
  readonly tail: readonly Uint8Array[] | undefined
}

const superseded = () => refuse('conflict', 'Another request has taken this upload up, or it is over.')

/** Throws `conflict`, `upload-incomplete`, `checksum-mismatch` and what the store does; what came before that is kept. */
export const takePieces = async (stream: Readable, options: PiecesOptions): Promise<Taken> => {
  const { staging, tenant, upload, length, idleMs, check, commit } = options
  const buffers = openTwoBuffers(() => Math.min(PIECE_BYTES, length - first))
  let heldSince = Date.now()
  let first = options.offset
  const unchecked: Piece[] = []

  const keyOf = ({ name }: Piece): string => pieceKey(tenant, upload, name)
  const commitOrRemove = async (pieces: readonly Piece[]): Promise<void> => {
    if (await commit(pieces)) return
    for (const piece of pieces) await staging.delete(keyOf(piece))
    throw superseded()
  }
  const keep = async (piece: Piece, body: Uint8Array): Promise<void> => {
    const sha256 = createHash('sha256').update(body).digest('hex')
    await staging.put({ key: keyOf(piece), body, bytes: piece.bytes, sha256, mediaType: 'application/octet-stream' })
    if (check) unchecked.push(piece)
    else await commitOrRemove([piece])
  }
  /** Resolves when the piece before it is kept, so that there are never more than two. */
  const cut = async (): Promise<void> => {
    const bytes = buffers.held().length
    if (bytes === 0) return
    const piece = { first, bytes, name: `${first}-${newId()}` }
    first += bytes
    await buffers.cut(body => keep(piece, body))
  }
  const take = async (chunk: Uint8Array): Promise<void> => {
    for (let rest = chunk; rest.length > 0; ) {
      if (buffers.isFull()) throw refuse('payload-too-large', `The upload has ${length} bytes.`)
      if (buffers.held().length === 0) heldSince = Date.now()
      rest = buffers.add(rest)
      const bytes = buffers.held().length
      const isSlow = bytes >= slowBytes(length) && Date.now() - heldSince > SLOW_MS
      if ((buffers.isFull() || isSlow) && first + bytes < length) await cut()
    }
  }
  const removeUnchecked = async (): Promise<void> => {
    await buffers.kept().catch(() => undefined) // it is removed, whatever became of it
    for (const piece of unchecked) await staging.delete(keyOf(piece))
  }

  const idle = setTimeout(() => stream.destroy(silence(idleMs)), idleMs)
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      idle.refresh()
      check?.update(chunk)
      await take(chunk)
    }
  } catch (error) {
    // What came before the connection was lost is kept. A failure of the keeping is no such thing, and fails here again.
    if (check) await removeUnchecked()
    else if (first + buffers.held().length < length) await cut()
    await buffers.kept()
    throw error
  } finally {
    clearTimeout(idle)
  }
  if (check && !check.isRight()) {
    await removeUnchecked()
    throw refuse('checksum-mismatch', 'Send these bytes again: they do not have the checksum of Upload-Checksum.')
  }
  const isWhole = first + buffers.held().length === length
  if (!isWhole) await cut()
  await buffers.kept()
  if (unchecked.length > 0) await commitOrRemove(unchecked)
  return { offset: isWhole ? length : first, tail: isWhole ? [buffers.held()] : undefined }
}

export interface WholeOptions {
  readonly staging: ObjectStore
  readonly tenant: TenantId
  readonly upload: string
  readonly pieces: readonly Piece[]
  readonly tail: readonly Uint8Array[]
}

/** The upload from its first byte to its last. Hash what you read. */
export const readWhole = ({ staging, tenant, upload, pieces, tail }: WholeOptions): Readable => {
  const lost = (piece: Piece, cause?: unknown) =>
    new MatrixError('storage-unavailable', `Piece ${piece.name} of upload ${upload} is not as it was put`, { cause })
  const read = async function* (): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) {
      let bytes = 0
      try {
        for await (const chunk of await staging.get({ key: pieceKey(tenant, upload, piece.name) })) {
          bytes += chunk.length
          yield chunk
        }
      } catch (error) {
        // Not the caller's: to him there is an upload.
        throw isMatrixError(error, 'not-found') ? lost(piece, error) : error
      }
      if (bytes !== piece.bytes) throw lost(piece)
    }
    yield* tail
  }
  return Readable.from(read(), { objectMode: false })
}
