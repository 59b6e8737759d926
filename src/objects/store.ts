/**
 * Where bytes live: the port. One store is one bucket. Objects are immutable: `put` creates or finds, and never replaces.
 *
 * Every method rejects with `MatrixError('storage-unavailable')` when the store cannot be reached, answers 5xx or throttles,
 * with `dependency-timeout` when it is silent, and with the signal's reason when the caller gave up.
 */
import type { Readable } from 'node:stream'
import type { Hex } from '../model/ids.ts'

export interface PutRequest {
  readonly key: string
  /** Called once per try, so that a put can be repeated. */
  readonly body: Uint8Array | (() => Readable)
  readonly bytes: number
  /** SHA-256 of the body. It is part of what is signed, so a store that checks signatures refuses other bytes. */
  readonly sha256: Hex
  readonly mediaType: string
  readonly signal?: AbortSignal
}

export interface StoredObject {
  readonly bytes: number
  readonly mediaType: string
  readonly storedAt: Date
  /** Without its quotes; of most stores an MD5, of none for certain. */
  readonly etag: string | undefined
}

export interface ByteRange {
  readonly first: number
  /** Inclusive, as in RFC 9110 section 14.1.2. */
  readonly last: number
}

export interface PresignRequest {
  readonly key: string
  readonly signedAt: Date
  readonly expiresInSeconds: number
  /** Sent back by the store as the answer's own headers. */
  readonly mediaType?: string
  readonly disposition?: string
  readonly cacheControl?: string
}

export interface ObjectStore {
  /** Create-only. `exists`: the key was there already with as many bytes; anything else under the key is `conflict`. */
  put(request: PutRequest): Promise<'created' | 'exists'>
  /** Rejects with `not-found` when there is no such object. The stream may fail midway; hash what you read. */
  get(request: { key: string; range?: ByteRange; signal?: AbortSignal }): Promise<Readable>
  stat(key: string, signal?: AbortSignal): Promise<StoredObject | undefined>
  /** Idempotent: deleting what is not there succeeds. */
  delete(key: string): Promise<void>
  /** Keys in lexicographic order. */
  list(prefix: string): AsyncIterable<{ key: string; bytes: number }>
  /** A URL anyone can GET until `signedAt + expiresInSeconds`. No network; equal requests give equal URLs. */
  presign(request: PresignRequest): Promise<string>
}
