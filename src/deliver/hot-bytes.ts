/**
 * Small derivatives that are asked for again and again, in memory. The key is a content address, so nothing here is ever stale, and
 * what comes in is verified once. Permission is no matter of this file: it is decided before anybody looks here.
 *
 * - Bounded by `HOT_BYTES` in all and a 128th of that each: 512 KiB of 64 MiB. A reader who is slow keeps one such buffer alive,
 *   about twice what a stream holds for him; buffers are shared between readers.
 * - A thousand readers of what is not here are one read of S3. What is being read at a time is bounded too, by a quarter of the
 *   limit; beyond, readers are left to a stream of their own.
 * - What was erased is answered by the manifest and never looked for here. So that memory forgets it as well, in every process and
 *   without a message that could be missed, nothing is kept for longer than a presigned URL lives at least: then it is read
 *   anew, or is gone.
 */
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { LRUCache } from 'lru-cache'
import type { Config } from '../config.ts'
import type { Clock } from '../lib/clock.ts'
import { type Repeated, repeat } from '../lib/repeat.ts'
import { isMatrixError, MatrixError } from '../model/errors.ts'
import type { Hex } from '../model/ids.ts'
import type { ObjectStore } from '../objects/store.ts'

export interface HotObject {
  readonly objectKey: string
  readonly sha256: Hex
  readonly bytes: number
}

/** Since the last scrape, and as it is. Plain numbers: a counter with a label costs more than a hit. */
export interface HotTally {
  hit: number
  miss: number
  joined: number
  streamed: number
  bytes: number
}

export interface HotBytesOptions {
  readonly derivatives: Pick<ObjectStore, 'get'>
  readonly clock: Clock
  readonly config: Pick<Config, 'hotBytes' | 'presignSeconds'>
  readonly metrics: { readonly hot: HotTally }
}

export interface HotBytes {
  /** Only what is here. */
  find(objectKey: string): Buffer | undefined
  /** From here, or from S3 and then here; `undefined`: not one to be held in memory. Rejects as the store does; a body that breaks or is another one is asked for twice. */
  read(object: HotObject): Promise<Buffer> | undefined
  /** Lets go of what has been here for long. */
  forgetOld(): void
}

/** How often old ones are let go of that nobody asks for; least life of a presigned URL: 60 s. */
export const FORGET_EVERY_MS = 20_000

const SHARE_OF_ONE = 128
const SHARE_OF_READS = 4
/** Of an entry and its key, about. */
const OVERHEAD_BYTES = 512
const TRIES = 2

/** Throws `storage-unavailable` for what has other bytes than it should. */
const verifiedBytes = async (source: Readable, { objectKey, sha256, bytes }: HotObject): Promise<Buffer> => {
  // Not from the pool, of which a small one would hold eight others' worth.
  const whole = Buffer.allocUnsafeSlow(bytes)
  let at = 0
  for await (const chunk of source as AsyncIterable<Buffer>) at += chunk.copy(whole, at)
  if (at === bytes && createHash('sha256').update(whole).digest('hex') === sha256) return whole
  throw new MatrixError('storage-unavailable', `get ${objectKey}: the object has other bytes than its digest says`)
}

const NOTHING: HotBytes = { find: () => undefined, read: () => undefined, forgetOld: () => undefined }

export const openHotBytes = ({ derivatives, clock, config, metrics }: HotBytesOptions): HotBytes => {
  const { hotBytes: limitBytes, presignSeconds } = config
  const tally = metrics.hot
  if (limitBytes === 0) return NOTHING
  const cache = new LRUCache<string, Buffer>({
    maxSize: limitBytes,
    sizeCalculation: ({ length }) => length + OVERHEAD_BYTES,
    ttl: presignSeconds * 1000 - FORGET_EVERY_MS,
    ttlResolution: 0,
    perf: clock,
  })
  const flights = new Map<string, Promise<Buffer>>()
  let reading = 0

  const load = async (object: HotObject): Promise<Buffer> => {
    for (let tried = 1; ; tried++) {
      const source = await derivatives.get({ key: object.objectKey }) // tries for itself, but not what breaks within a body
      try {
        const whole = await verifiedBytes(source, object)
        cache.set(object.objectKey, whole)
        tally.bytes = cache.calculatedSize
        return whole
      } catch (error) {
        if (tried === TRIES || !isMatrixError(error, 'storage-unavailable')) throw error
      }
    }
  }

  /** Of nobody in particular: it goes on when the first who asked leaves, for others may wait for it. */
  const fly = (object: HotObject): Promise<Buffer> => {
    reading += object.bytes
    const flight = load(object).finally(() => {
      reading -= object.bytes
      flights.delete(object.objectKey)
    })
    flights.set(object.objectKey, flight)
    return flight
  }

  const find: HotBytes['find'] = objectKey => {
    const found = cache.get(objectKey)
    if (found) tally.hit++
    return found
  }

  return {
    find,
    read(object) {
      if (object.bytes > limitBytes / SHARE_OF_ONE) return undefined
      const here = find(object.objectKey)
      if (here) return Promise.resolve(here)
      const running = flights.get(object.objectKey)
      if (running) {
        tally.joined++
        return running
      }
      if (reading + object.bytes > limitBytes / SHARE_OF_READS) {
        tally.streamed++
        return undefined
      }
      tally.miss++
      return fly(object)
    },
    forgetOld() {
      cache.purgeStale()
      tally.bytes = cache.calculatedSize
    },
  }
}

export const startForgetting = (hot: HotBytes, onError: (error: unknown) => void): Repeated<void> =>
  repeat(async () => hot.forgetOld(), { everyMs: FORGET_EVERY_MS, onError })
