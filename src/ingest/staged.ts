/**
 * What has come to the staging bucket, read as if nobody had said anything about it: hashed and counted here, whatever the store
 * claims. What its client announced it must be.
 *
 * A flipped bit on the way from the store is not noticed by anybody else, and would be refused for good, or stored
 * for good. So what does not fit its digest, or without one the ETag, is read a second time: two equal reads are what is there.
 */
import { pipeline, type Readable } from 'node:stream'
import { isMatrixError, MatrixError, refuse } from '../model/errors.ts'
import { digestOf } from '../model/ids.ts'
import { partsOf, type StagedUpload } from '../model/staged.ts'
import { originalKey, stagingKey } from '../objects/keys.ts'
import type { StagingStore } from '../objects/s3-staging.ts'
import type { StagedPart } from '../objects/staging.ts'
import type { ObjectStore } from '../objects/store.ts'
import { openEtagMeter } from './etag.ts'
import { type Received, type ReceiveOptions, receive } from './receive.ts'

/** As clients name them: with the ETag that the store answered. */
export type NamedPart = Pick<StagedPart, 'number' | 'etag'>

export interface StagedSource {
  readonly staging: StagingStore
  readonly originals: ObjectStore
  readonly options: Omit<ReceiveOptions, 'maxBytes'>
  /** Parts that the client names; without them those that the store has. */
  readonly named: readonly NamedPart[] | undefined
  /** Whether bytes that were not sent may be taken from the original with this digest. */
  readonly mayTakeKnown: () => Promise<boolean>
}

const incomplete = (message: string, details = {}) => refuse('upload-incomplete', message, { details })

/** Throws `upload-incomplete` while something is missing, `content-mismatch` where other bytes have come. */
export const readStaged = async (upload: StagedUpload, source: StagedSource): Promise<Received> => {
  const { staging, originals } = source
  const key = stagingKey(upload.tenant, upload.id)
  const found = (await staging.stat(key)) ?? (await join(upload, source))
  if (found) {
    requireLength(upload, found.bytes)
    return readTwiceAtMost(() => readOnce(upload, () => staging.get({ key }), source, found.etag))
  }
  if (upload.sha256 !== undefined && (await source.mayTakeKnown())) {
    const known = originalKey(upload.tenant, upload.sha256)
    return readTwiceAtMost(() => readOnce(upload, () => originals.get({ key: known }), source, undefined))
  }
  throw incomplete('Nothing has been put to the URL of this upload yet.')
}

/** `undefined`: nothing has come that could be joined. */
const join = async (upload: StagedUpload, { staging, named }: StagedSource) => {
  const { tenant, id, parts, bytes } = upload
  if (!parts) return undefined
  const of = { key: stagingKey(tenant, id), session: parts.session }
  const there = await staging.listParts(of)
  // Whoever completes it beside us was quicker, or the store has dropped it.
  if (!there) return staging.stat(of.key)
  if (there.length === 0) return undefined
  const byNumber = new Map(there.map(part => [part.number, part]))
  const expected = partsOf(bytes, parts.bytes)
  const missing = expected.filter(part => byNumber.get(part.number)?.bytes !== part.bytes).map(({ number }) => number)
  if (missing.length > 0) throw incomplete('Some parts have not come, or not whole.', { missing })
  try {
    await staging.joinParts(of, named ?? expected.map(({ number }) => byNumber.get(number) as StagedPart), bytes)
  } catch (error) {
    // Done, and its answer was lost: what was asked again is refused for its own success.
    const joined = await staging.stat(of.key)
    if (joined) return joined
    // The driver's own words are not for callers.
    if (isMatrixError(error, 'upload-incomplete')) throw incomplete('The store does not have the parts that are named.')
    if (isMatrixError(error, 'not-found')) throw refuse('conflict', 'The upload was given up meanwhile.')
    throw error
  }
  return staging.stat(of.key)
}

const requireLength = ({ bytes }: StagedUpload, found: number): void => {
  if (found === bytes) return
  throw mismatch('/bytes', 'length', `The content has ${found} bytes, ${bytes} were announced.`)
}

const mismatch = (pointer: string, rule: string, message: string): MatrixError =>
  refuse('content-mismatch', 'The content is not what was announced.', { violations: [{ pointer, rule, message }] })

interface Read {
  readonly received: Received
  readonly isDoubtful: boolean
  /** Throws what is wrong with it. */
  readonly check: () => void
}

const readOnce = async (
  upload: StagedUpload,
  open: () => Promise<Readable>,
  { options }: StagedSource,
  etag: string | undefined,
): Promise<Read> => {
  const { bytes, sha256, parts } = upload
  const meter = openEtagMeter(parts?.bytes)
  // Its errors are those of the last stream, which is read.
  const body = pipeline(await open(), meter.through, () => undefined)
  const received = await receive(body, { ...options, maxBytes: bytes })
  const check = () => {
    requireLength(upload, received.bytes)
    if (sha256 !== undefined && received.sha256 !== sha256)
      throw mismatch('/sha256', 'sha-256', `The content has ${digestOf(received.sha256)}.`)
  }
  return { received, isDoubtful: sha256 === undefined ? !meter.fits(etag) : received.sha256 !== sha256, check }
}

const readTwiceAtMost = async (read: () => Promise<Read>): Promise<Received> => {
  const first = await read()
  let last = first
  try {
    if (first.isDoubtful) {
      last = await read()
      if (last.isDoubtful && last.received.sha256 !== first.received.sha256)
        throw new MatrixError('storage-unavailable', 'The staging bucket gave other bytes each time')
    }
    last.check()
    if (last !== first) await first.received.close()
    return last.received
  } catch (error) {
    for (const { received } of new Set([first, last])) await received.close()
    throw error
  }
}
