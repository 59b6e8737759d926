/** The staging bucket on any S3: an object store, and what clients are let do in it. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  ListPartsCommand,
} from '@aws-sdk/client-s3'
import { isMatrixError, MatrixError } from '../model/errors.ts'
import { openS3Store, type S3Store } from './s3.ts'
import { openCaller } from './s3-call.ts'
import { openClient, type S3StoreOptions } from './s3-client.ts'
import { openPutPresigner } from './s3-presign-put.ts'
import type { StagedPart, Staging } from './staging.ts'

export type StagingStore = S3Store & Staging

/** A store may copy all parts before it says a word: allow for 20 MB/s. */
const JOINED_BYTES_PER_MS = 20_000

export const openS3Staging = (options: S3StoreOptions): StagingStore => {
  const { bucket: Bucket, socketTimeoutMs = 10_000 } = options
  const client = openClient(options)
  const call = openCaller(options)
  const signPut = openPutPresigner({ ...options, client, endpoint: options.publicEndpoint ?? options.endpoint })

  return {
    ...openS3Store(options, client),
    signPut,

    signPart: ({ session, number, ...request }) =>
      signPut({ ...request, query: { partNumber: String(number), uploadId: session } }),

    beginParts: ({ key, mediaType }) =>
      call(`begin ${key}`, async () => {
        const command = new CreateMultipartUploadCommand({ Bucket, Key: key, ContentType: mediaType })
        const { UploadId: session } = await client.send(command)
        if (session === undefined) throw new MatrixError('storage-unavailable', `begin ${key}: no session was named`)
        return { key, session }
      }),

    async listParts({ key, session }) {
      const parts: StagedPart[] = []
      let marker: string | undefined
      try {
        do {
          const asked = { Bucket, Key: key, UploadId: session, PartNumberMarker: marker }
          const page = await call(`list parts of ${key}`, () => client.send(new ListPartsCommand(asked)))
          for (const { PartNumber: number = 0, Size: bytes = 0, ETag: etag = '' } of page.Parts ?? [])
            parts.push({ number, bytes, etag })
          marker = page.IsTruncated ? page.NextPartNumberMarker : undefined
        } while (marker !== undefined)
      } catch (error) {
        if (isMatrixError(error, 'not-found')) return undefined
        throw error
      }
      return parts
    },

    joinParts: ({ key, session }, parts, bytes) =>
      call(`join ${key}`, async () => {
        const MultipartUpload = { Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag })) }
        const command = new CompleteMultipartUploadCommand({ Bucket, Key: key, UploadId: session, MultipartUpload })
        const withinMs = socketTimeoutMs + bytes / JOINED_BYTES_PER_MS
        await client.send(command, { requestTimeout: withinMs })
      }),

    dropParts: ({ key, session }) =>
      call(`drop ${key}`, async () => {
        await client.send(new AbortMultipartUploadCommand({ Bucket, Key: key, UploadId: session }))
      }).catch(error => {
        if (!isMatrixError(error, 'not-found')) throw error
      }),

    async *sessions() {
      let after: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | undefined = {}
      while (after !== undefined) {
        const command: ListMultipartUploadsCommand = new ListMultipartUploadsCommand({ Bucket, ...after })
        const page: ListMultipartUploadsCommandOutput = await call('list sessions', () => client.send(command))
        for (const { Key: key, UploadId: session } of page.Uploads ?? [])
          if (key !== undefined && session !== undefined) yield { key, session }
        after = page.IsTruncated
          ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
          : undefined
      }
    },
  }
}
