/**
 * The store that clients write to by themselves: a port beside `ObjectStore`. Nothing in it is trusted. What a client may send is
 * signed before; what has come is read, hashed and counted by whoever takes it.
 */
import type { PutToSign, SignedPut } from './s3-presign-put.ts'

export interface StagedPart {
  /** From 1. */
  readonly number: number
  readonly bytes: number
  readonly etag: string
}

/** An upload in parts, as the store names it. */
export interface PartSession {
  readonly key: string
  readonly session: string
}

export interface Staging {
  /** A request that takes these bytes and no others, as far as the store holds clients to what is signed. No network. */
  signPut(request: PutToSign): Promise<SignedPut>
  /** The same for one part. */
  signPart(request: PutToSign & PartSession & { readonly number: number }): Promise<SignedPut>
  beginParts(request: { readonly key: string; readonly mediaType: string | undefined }): Promise<PartSession>
  /** In their order. `undefined`: there is no such session, or none any more. */
  listParts(of: PartSession): Promise<readonly StagedPart[] | undefined>
  /**
   * Makes one object of the parts named, which may take as long as the store needs to copy `bytes`. Rejects where there
   * is no such session, by whatever the store says then; with `upload-incomplete` where it does not have the parts so.
   */
  joinParts(of: PartSession, parts: readonly Pick<StagedPart, 'number' | 'etag'>[], bytes: number): Promise<void>
  /** Idempotent. A part that is on its way may come after it: ask again until `sessions` is empty. */
  dropParts(of: PartSession): Promise<void>
  /** Every session that is open. */
  sessions(): AsyncIterable<PartSession>
}
