/**
 * What a store really enforces, found out by trying. Stores differ silently: some ignore `If-None-Match`, some store
 * corrupt bodies, some serve tampered URLs. Readiness and `doctor` report this; nothing is switched off by it.
 */
import { createHash, randomUUID } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { isMatrixError } from '../model/errors.ts'
import { probeKey } from './keys.ts'
import type { ObjectStore, PutRequest } from './store.ts'

export interface StoreProbe {
  /** A second put under a key left the first object alone. */
  readonly conditionalPut: boolean
  /** A body other than the digest announced was refused. */
  readonly contentDigestChecked: boolean
  /** A presigned URL worked; `false` also where its endpoint cannot be reached from here. */
  readonly presignedServed: boolean
  /** A tampered and a bare URL were refused; `undefined` where the endpoint cannot be reached from here. */
  readonly signatureChecked: boolean | undefined
  /** The store's clock minus ours, from its `Date`, whole seconds at best. A presigned URL dies early by as much. */
  readonly clockSkewMs: number | undefined
}

const FETCH_TIMEOUT_MS = 5_000

/** Writes and deletes one object under `probe/`. Rejects as the store does when it cannot be reached at all. */
export const probeStore = async (store: ObjectStore): Promise<StoreProbe> => {
  const key = probeKey(randomUUID())
  try {
    const contentDigestChecked = await refusesOtherBytes(store, key)
    await store.put(probeObject(key, 'first'))
    await store.put(probeObject(key, 'other'))
    const kept = await text(await store.get({ key }))
    return { conditionalPut: kept === 'first', contentDigestChecked, ...(await probeUrls(store, key)) }
  } finally {
    await store.delete(key)
  }
}

const refusesOtherBytes = async (store: ObjectStore, key: string): Promise<boolean> => {
  const request = { ...probeObject(key, 'first'), body: Buffer.from('wrong') }
  try {
    await store.put(request)
  } catch (error) {
    if (isMatrixError(error, 'content-mismatch')) return true
    throw error
  }
  await store.delete(key)
  return false
}

const probeUrls = async (store: ObjectStore, key: string) => {
  const url = await store.presign({ key, signedAt: new Date(Date.now() - 30_000), expiresInSeconds: 300 })
  const tampered = url.replace(/(X-Amz-Signature=)(.)/, (_, name, digit) => `${name}${digit === '0' ? '1' : '0'}`)
  const bare = url.slice(0, url.indexOf('?'))
  try {
    const [good, ...bad] = await Promise.all([url, tampered, bare].map(knock))
    const date = Date.parse(good?.date ?? '')
    return {
      presignedServed: good?.status === 200,
      signatureChecked: bad.every(({ status }) => status === 403 || status === 401),
      clockSkewMs: Number.isNaN(date) ? undefined : date - Date.now(),
    }
  } catch {
    // A public endpoint that only clients can reach is in order: then nothing is known about it.
    return { presignedServed: false, signatureChecked: undefined, clockSkewMs: undefined }
  }
}

const knock = async (url: string): Promise<{ status: number; date: string | null }> => {
  const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS), redirect: 'manual' })
  await response.body?.cancel()
  return { status: response.status, date: response.headers.get('date') }
}

const probeObject = (key: string, body: string): PutRequest => ({
  key,
  body: Buffer.from(body),
  bytes: body.length,
  sha256: createHash('sha256').update(body).digest('hex'),
  mediaType: 'text/plain',
})
