/** The AWS client, with every default that does not fit replaced, and the one command that needs more than its input. */

import type { Readable } from 'node:stream'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import type { Guard } from '../lib/guard.ts'
import type { Tracing } from '../telemetry/tracing.ts'
import type { PutRequest } from './store.ts'

export interface S3StoreOptions {
  /** Unset: AWS. */
  readonly endpoint?: string
  /** Where presigned URLs point, when clients reach the store under another name. */
  readonly publicEndpoint?: string
  readonly region: string
  /** Both unset: the SDK's default chain (environment, profile, instance role). */
  readonly accessKeyId?: string
  readonly secretAccessKey?: string
  readonly bucket: string
  readonly forcePathStyle: boolean
  readonly connectTimeoutMs?: number
  /** To the first byte of a reply, for calls without a body. */
  readonly requestTimeoutMs?: number
  /** Of silence within a body that is sent or received. */
  readonly socketTimeoutMs?: number
  readonly attempts?: number
  /** Shared by the stores of one server; by default none. */
  readonly guard?: Guard
  readonly tracing?: Tracing | undefined
}

/** The pool's queue counts as connecting time, so a pool that is too small reads as an unreachable store. */
const MAX_SOCKETS = 256

const quiet = (): void => undefined

export const openClient = (options: S3StoreOptions): S3Client => {
  const { accessKeyId, secretAccessKey } = options
  return new S3Client({
    region: options.region,
    forcePathStyle: options.forcePathStyle,
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : { credentials: { accessKeyId, secretAccessKey } }),
    maxAttempts: 1,
    // Otherwise the console hears of every stream that the SDK could not repeat.
    logger: { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: options.connectTimeoutMs ?? 1_000,
      requestTimeout: options.requestTimeoutMs ?? 5_000,
      throwOnRequestTimeout: true,
      // Ours instead: the SDK's would also fail a download whose reader pauses.
      socketTimeout: 0,
      // As options, not as agents: with an agent of ours the SDK would not wait for `100 Continue`.
      httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
    },
  })
}

export const putCommand = (Bucket: string, request: PutRequest, Body: Uint8Array | Readable): PutObjectCommand => {
  const command = new PutObjectCommand({
    Bucket,
    Key: request.key,
    Body,
    ContentLength: request.bytes,
    ContentType: request.mediaType,
    IfNoneMatch: '*',
    ChecksumSHA256: Buffer.from(request.sha256, 'hex').toString('base64'),
  })
  command.middlewareStack.add(
    next => args => {
      const { headers } = args.request as { headers: Record<string, string> }
      headers['x-amz-content-sha256'] = request.sha256
      return next(args)
    },
    { step: 'build', name: 'announceDigest' },
  )
  return command
}
