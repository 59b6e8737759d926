/** Originals on their way to a decode process. */
import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { findOriginal } from '../manifest/assets.ts'
import type { Database } from '../manifest/database.ts'
import { isMatrixError } from '../model/errors.ts'
import type { Hex } from '../model/ids.ts'
import type { ClaimedNode } from '../model/node.ts'
import type { ImageFacts, Original } from '../model/original.ts'
import type { ObjectStore } from '../objects/store.ts'
import { secondOriginals } from '../ops/composite.ts'
import type { Order } from './decode-protocol.ts'

export interface Fetched {
  readonly image: ImageFacts
  readonly bytes: Buffer
}

export const fetchOriginal = async (
  { originals }: { readonly originals: ObjectStore },
  original: Original | undefined,
  signal?: AbortSignal,
): Promise<Fetched> => {
  if (!original?.image) throw new Error(`Original ${original?.sha256} has nodes and is not an image`)
  return { image: original.image, bytes: await fetchVerified(originals, original, signal) }
}

/** Read three times, and not what its digest says. */
export class OtherBytes extends Error {}

/** The bytes of an object, checked: S3 does not notice a flipped bit on the way. */
export const fetchVerified = async (
  originals: ObjectStore,
  { objectKey, sha256, bytes }: Pick<Original, 'objectKey' | 'sha256' | 'bytes'>,
  signal: AbortSignal | undefined,
): Promise<Buffer> => {
  for (let attempt = 0; ; attempt++) {
    const hash = createHash('sha256')
    const chunks: Buffer[] = []
    // The store has its own patience until it answers; what breaks off after that is ours to ask for again.
    const body = await originals.get({ key: objectKey, ...(signal && { signal }) })
    try {
      for await (const chunk of body) {
        hash.update(chunk)
        chunks.push(chunk)
      }
      if (hash.digest('hex') === sha256) return Buffer.concat(chunks, bytes)
    } catch (error) {
      // A store that fell silent has been waited for already.
      if (attempt >= 2 || !isMatrixError(error, 'storage-unavailable')) throw error
      continue
    }
    if (attempt >= 2) throw new OtherBytes(`The object of ${sha256} has other bytes`)
  }
}

/** The same logo is laid on everything: it is kept. */
const KEPT_BYTES = 32 * 1024 * 1024

/** The bytes of the originals that a claim's chains lay on, as an order takes them. */
export const openSecondOriginals = ({ database, originals }: { database: Database; originals: ObjectStore }) => {
  const kept = new LRUCache<string, Buffer>({ maxSize: KEPT_BYTES, sizeCalculation: bytes => bytes.length + 1 })

  const fetchOne = async (tenant: string, sha256: Hex): Promise<Buffer> => {
    const name = `${tenant}/${sha256}`
    const known = kept.get(name)
    if (known) return known
    const { bytes } = await fetchOriginal({ originals }, await findOriginal(database, tenant, sha256))
    kept.set(name, bytes)
    return bytes
  }

  return async (
    tenant: string,
    nodes: readonly Pick<ClaimedNode, 'chain'>[],
  ): Promise<NonNullable<Order['seconds']>> => {
    const wanted = [...new Set(nodes.flatMap(({ chain }) => secondOriginals(chain)))]
    return Object.fromEntries(
      await Promise.all(wanted.map(async sha256 => [sha256, await fetchOne(tenant, sha256)] as const)),
    )
  }
}
