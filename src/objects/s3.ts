/**
 * The object store on any S3. What it rests on:
 *
 * - A put is create-only (`If-None-Match: *`). The reply to a put can be lost and the repeated put is then refused for its
 *   own success, so a refusal is answered by looking: an object of as many bytes under a content address is this object.
 * - The digest of a put is part of what is signed (`x-amz-content-sha256`), so a store that checks signatures refuses other
 *   bytes, whatever it makes of `x-amz-checksum-sha256`. Other checksums stay off: stores besides AWS refuse the trailers.
 * - The SDK's retries are off, they cannot repeat a stream; ours ask the caller for the body again. All calls can be repeated.
 * - Each call is limited: connecting, the first byte of a reply, and silence within a body. Only progress is unlimited.
 */

import type { Readable } from 'node:stream'
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3'
import { MatrixError } from '../model/errors.ts'
import { openCaller } from './s3-call.ts'
import { openClient, putCommand, type S3StoreOptions } from './s3-client.ts'
import { guardDownload } from './s3-download.ts'
import { hasName, hasStatus, isAnswer } from './s3-errors.ts'
import { openPresigner } from './s3-presign.ts'
import { beginUpload } from './s3-upload.ts'
import type { ObjectStore, PutRequest } from './store.ts'

export interface S3Store extends ObjectStore {
  /** Creates the bucket when it is missing. Idempotent; a fresh bucket may be raced for. */
  ensureBucket(): Promise<'created' | 'exists'>
  /** Resolves where there is an answer, of whatever kind; asked once, past any breaker. */
  knock(): Promise<void>
  close(): void
}

export const openS3Store = (options: S3StoreOptions, client = openClient(options)): S3Store => {
  const { bucket: Bucket, socketTimeoutMs = 10_000 } = options
  const presign = openPresigner({ ...options, client, endpoint: options.publicEndpoint ?? options.endpoint })
  const call = openCaller(options)

  const putOnce = async (request: PutRequest): Promise<void> => {
    const upload = beginUpload(request, socketTimeoutMs)
    const abortSignal = request.signal ? AbortSignal.any([request.signal, upload.signal]) : upload.signal
    try {
      // The limit to the first byte of a reply would count the sending too: off here, the upload watches itself.
      await client.send(putCommand(Bucket, request, upload.body), { abortSignal, requestTimeout: 0 })
    } catch (error) {
      throw upload.signal.aborted ? upload.signal.reason : error
    } finally {
      upload.end()
    }
  }

  const stat: ObjectStore['stat'] = (key, signal) =>
    call(
      `stat ${key}`,
      async () => {
        try {
          const found = await client.send(new HeadObjectCommand({ Bucket, Key: key }), { abortSignal: signal })
          return {
            bytes: found.ContentLength ?? 0,
            mediaType: found.ContentType ?? 'application/octet-stream',
            storedAt: found.LastModified ?? new Date(0),
            etag: found.ETag?.replaceAll('"', ''),
          }
        } catch (error) {
          if (!hasStatus(error, 404)) throw error
          // A HEAD has no body to say what is missing: a lost bucket must not read as so many lost objects.
          await requireBucket()
          return undefined
        }
      },
      signal,
    )

  const requireBucket = async (): Promise<void> => {
    try {
      await client.send(new HeadBucketCommand({ Bucket }))
    } catch (error) {
      if (!hasStatus(error, 404)) throw error
      throw new MatrixError('storage-unavailable', `There is no bucket ${Bucket}`, { cause: error })
    }
  }

  /** `undefined`: refused, and yet there is nothing. It was deleted in between, or another put is still under way. */
  const lookAfterRefusal = async ({ key, bytes, signal }: PutRequest): Promise<'exists' | undefined> => {
    const found = await stat(key, signal)
    if (found === undefined || found.bytes === bytes) return found && 'exists'
    throw new MatrixError('conflict', `put ${key}: the key holds ${found.bytes} bytes, not ${bytes}`)
  }

  return {
    async put(request) {
      for (let tried = 0; tried < 3; tried++) {
        try {
          await call(`put ${request.key}`, () => putOnce(request), request.signal)
          return 'created'
        } catch (error) {
          const cause = error instanceof MatrixError && error.cause
          if (!hasStatus(cause, 412) && !hasStatus(cause, 409)) throw error
          if ((await lookAfterRefusal(request)) === 'exists') return 'exists'
        }
      }
      throw new MatrixError('storage-unavailable', `put ${request.key}: refused, and there is no object`)
    },

    get: ({ key, range, signal }) =>
      call(
        `get ${key}`,
        async () => {
          const Range = range && `bytes=${range.first}-${range.last}`
          const found = await client.send(new GetObjectCommand({ Bucket, Key: key, Range }), { abortSignal: signal })
          const body = found.Body as Readable
          if (range && found.ContentRange === undefined) {
            body.destroy()
            throw new MatrixError('storage-unavailable', `get ${key}: the store ignored the range`)
          }
          return guardDownload(body, { key, bytes: found.ContentLength, silenceMs: socketTimeoutMs, signal })
        },
        signal,
      ),

    stat,

    delete: key =>
      call(`delete ${key}`, async () => {
        try {
          await client.send(new DeleteObjectCommand({ Bucket, Key: key }))
        } catch (error) {
          if (!hasName(error, 'NoSuchKey')) throw error
        }
      }),

    async *list(prefix) {
      let token: string | undefined
      do {
        const command = new ListObjectsV2Command({ Bucket, Prefix: prefix, ContinuationToken: token })
        const page = await call(`list ${prefix}`, () => client.send(command))
        for (const { Key, Size } of page.Contents ?? []) if (Key !== undefined) yield { key: Key, bytes: Size ?? 0 }
        token = page.NextContinuationToken
      } while (token !== undefined)
    },

    presign,

    async ensureBucket() {
      return call(`create bucket ${Bucket}`, async () => {
        try {
          await client.send(new HeadBucketCommand({ Bucket }))
          return 'exists'
        } catch (error) {
          if (!hasStatus(error, 404)) throw error
        }
        try {
          await client.send(new CreateBucketCommand({ Bucket }))
          return 'created'
        } catch (error) {
          if (hasName(error, 'BucketAlreadyOwnedByYou')) return 'exists'
          throw error
        }
      })
    },

    async knock() {
      try {
        await client.send(new HeadBucketCommand({ Bucket }))
      } catch (error) {
        if (!isAnswer(error)) throw error
      }
    },

    close: () => client.destroy(),
  }
}
