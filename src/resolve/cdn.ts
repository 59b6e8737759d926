/**
 * Where the bytes of a ready answer are to be had: from the store, by a presigned URL, or from a CDN in front, by the delivery
 * URL that the gateway answers behind it. An edge that redirects leaves a CDN nothing to keep, and of one that asks for networks
 * it knows nothing, so both give the URL of the store; `/i/` itself asks for none of this, so it never leads back to the CDN.
 *
 * - What anybody may see has its plain URL, the same for ever; its end is when a cache that kept it today would ask again.
 * - Everything else is signed with the product's newest key, by the windows of presigned URLs (deliver/presign.ts) and with
 *   their promise: never beyond the end of what allowed it. Without a key that signs, the URL of the store is given, which
 *   works as well; `matrix doctor` finds it.
 *
 * Keys are kept under the revision of the tenant's matrix, which every change of a signing key raises (migrations 0018 and
 * 0026): they are read once after a change, and no answer is signed with a key that was revoked before it was asked for.
 */
import { LRUCache } from 'lru-cache'
import type { Config } from '../config.ts'
import { YEAR_SECONDS } from '../deliver/answer.ts'
import { type Presign, type PresignedUrl, urlExpiry } from '../deliver/presign.ts'
import type { Clock } from '../lib/clock.ts'
import type { Sealing } from '../lib/sealed.ts'
import type { Database } from '../manifest/database.ts'
import { findSigners } from '../manifest/signing-keys.ts'
import { writeDeliveryPath } from '../model/delivery-path.ts'
import { signingKeyPlace } from '../model/signing-key.ts'
import type { ObjectStore } from '../objects/store.ts'
import { signatureOf, writeSigned } from '../policy/signature.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Ready } from './answer.ts'
import { nothingHere } from './permit.ts'

export interface Located extends Omit<PresignedUrl, 'via'> {
  readonly via: PresignedUrl['via'] | 'cdn'
}

export type Locate = (ready: Ready) => Located | Promise<Located>

interface Signer {
  readonly kid: string
  readonly secret: string
  readonly endsAt: number
}

interface Kept {
  readonly revision: number
  readonly signers: readonly Signer[] | Promise<readonly Signer[]>
}

export interface LocateDependencies {
  readonly config: Pick<
    Config,
    'cdnBaseUrl' | 'cdnSignInPath' | 'presignSeconds' | 'presignWindowSeconds' | 'signedUrlMaxSeconds' | 'tenant'
  >
  readonly clock: Clock
  readonly database: Database
  readonly derivatives: ObjectStore
  readonly metrics: Pick<Metrics, 'cdnUrls'>
  readonly presign: Presign
  readonly sealing: Sealing
}

const KEPT_PRODUCTS = 5_000
const KEPT_URLS = 50_000

const isForCdn = ({ delivery, visibility }: Ready): boolean => delivery !== 'redirect' && visibility !== 'local'

/** `undefined`: there is no key to sign with. */
const openCdn = (base: string, { config, clock, database, metrics, sealing }: LocateDependencies) => {
  const life = {
    // What lives longer than that is not believed.
    lifeSeconds: Math.min(config.presignSeconds, config.signedUrlMaxSeconds),
    windowSeconds: config.presignWindowSeconds,
  }
  const ofProducts = new LRUCache<string, Kept>({ max: KEPT_PRODUCTS })
  const urls = new LRUCache<string, Located>({ max: KEPT_URLS })

  const readSigners = async (owner: string, product: string): Promise<readonly Signer[]> =>
    (await findSigners(database, owner, product)).flatMap(key => {
      const secret = sealing.open(Buffer.from(key.kept, 'hex'), signingKeyPlace(key))
      const endsAt = key.expiresAt ?? Number.POSITIVE_INFINITY
      return secret === undefined ? [] : [{ kid: key.kid, secret, endsAt }]
    })

  const signersOf = ({ tenant: owner, product, matrixRevision: revision }: Ready): Kept['signers'] => {
    const name = `${owner}\n${product}`
    const kept = ofProducts.get(name)
    if (kept?.revision === revision) return kept.signers
    const reading = readSigners(owner, product)
    // Whoever asks meanwhile waits for the same read; one that failed is forgotten, and says so to all of them.
    ofProducts.set(name, { revision, signers: reading })
    reading.then(
      signers => ofProducts.set(name, { revision, signers }),
      () => ofProducts.delete(name),
    )
    return reading
  }

  const plain = (path: string, { grantEndsAt }: Ready): Located => {
    const now = clock.now()
    const expiresAt = urlExpiry(now, { ...life, lifeSeconds: YEAR_SECONDS }, grantEndsAt)
    if (expiresAt <= now) throw nothingHere()
    metrics.cdnUrls.inc({ outcome: 'public' })
    return { url: base + path, expiresAt, via: 'cdn' }
  }

  const signed = (path: string, { grantEndsAt }: Ready, signers: readonly Signer[]): Located | undefined => {
    const now = clock.now()
    // To the second, as URLs end.
    const signer = signers.find(({ endsAt }) => Math.floor(endsAt / 1000) * 1000 > now)
    if (signer === undefined) {
      metrics.cdnUrls.inc({ outcome: 'unsigned' })
      return undefined
    }
    const expiresAt = urlExpiry(now, life, Math.min(grantEndsAt ?? Number.POSITIVE_INFINITY, signer.endsAt))
    if (expiresAt <= now) throw nothingHere()
    metrics.cdnUrls.inc({ outcome: 'signed' })
    const { kid, secret } = signer
    const name = `${kid}\n${expiresAt}\n${path}`
    const known = urls.get(name)
    if (known !== undefined) return known
    const unsigned = { path, query: '', exp: expiresAt / 1000, kid }
    const sig = signatureOf(secret, unsigned)
    const url = base + writeSigned({ ...unsigned, sig, place: config.cdnSignInPath ? 'path' : 'query' })
    const located: Located = { url, expiresAt, via: 'cdn' }
    urls.set(name, located)
    return located
  }

  return (ready: Ready): Located | undefined | Promise<Located | undefined> => {
    const path = writeDeliveryPath(ready)
    // Nobody is asked for a credential there, and without one everybody is of one tenant.
    if (ready.visibility === 'public' && ready.published && ready.tenant === config.tenant) return plain(path, ready)
    const signers = signersOf(ready)
    return signers instanceof Promise ? signers.then(found => signed(path, ready, found)) : signed(path, ready, signers)
  }
}

export const openLocate = (dependencies: LocateDependencies): Locate => {
  const { config, presign, derivatives } = dependencies
  const atStore: Locate = ({ derivative: { objectKey: key, mediaType }, grantEndsAt: notAfter }) =>
    presign(derivatives, { key, mediaType, notAfter })
  if (config.cdnBaseUrl === undefined) return atStore
  const throughCdn = openCdn(config.cdnBaseUrl, dependencies)
  return ready => {
    if (!isForCdn(ready)) return atStore(ready)
    const located = throughCdn(ready)
    return located instanceof Promise ? located.then(found => found ?? atStore(ready)) : (located ?? atStore(ready))
  }
}
