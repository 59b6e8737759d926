/**
 * Delivery URLs of ready answers, pinned to their version and format: the plain path of what anybody may see, and a signed one of
 * the rest, by the product's newest key.
 *
 * Keys are kept under the revision of the tenant's matrix, which every change of a signing key raises (migrations 0018 and
 * 0026): they are read once after a change, and no answer is signed with a key that was revoked before it was asked for.
 */
import { LRUCache } from 'lru-cache'
import type { Config } from '../config.ts'
import { YEAR_SECONDS } from '../deliver/answer.ts'
import type { UrlLife } from '../deliver/exposure.ts'
import { urlExpiry } from '../deliver/presign.ts'
import type { Clock } from '../lib/clock.ts'
import type { Sealing } from '../lib/sealed.ts'
import type { Database } from '../manifest/database.ts'
import { findSigners } from '../manifest/signing-keys.ts'
import { writeDeliveryPath } from '../model/delivery-path.ts'
import { signingKeyPlace } from '../model/signing-key.ts'
import { signatureOf, writeSigned } from '../policy/signature.ts'
import type { Ready } from './answer.ts'
import { nothingHere } from './permit.ts'

export interface DeliveryUrl {
  readonly url: string
  /** Epoch milliseconds. A plain one ends when a cache that kept it today would ask again. */
  readonly expiresAt: number
  readonly isPlain: boolean
}

export interface DeliveryUrlOptions {
  /** In front of the path. */
  readonly base: (ready: Ready) => string
  /** Of signed ones. What lives longer than the gateway believes is cut. */
  readonly life: UrlLife
  readonly inPath: boolean
}

export interface DeliveryUrlDependencies {
  readonly config: Pick<Config, 'signedUrlMaxSeconds' | 'tenant'>
  readonly clock: Clock
  readonly database: Database
  readonly sealing: Sealing
}

/** `undefined`: there is no key to sign with. Throws `not-found` when what allows the URL ends before there is a second left. */
export type WriteDeliveryUrl = (ready: Ready) => DeliveryUrl | undefined | Promise<DeliveryUrl | undefined>

interface Signer {
  readonly kid: string
  readonly secret: string
  readonly endsAt: number
}

interface Kept {
  readonly revision: number
  readonly signers: readonly Signer[] | Promise<readonly Signer[]>
}

const KEPT_PRODUCTS = 5_000
const KEPT_URLS = 50_000

export const openDeliveryUrls = (
  { base, life: asked, inPath }: DeliveryUrlOptions,
  { config, clock, database, sealing }: DeliveryUrlDependencies,
): WriteDeliveryUrl => {
  const life = { ...asked, lifeSeconds: Math.min(asked.lifeSeconds, config.signedUrlMaxSeconds) }
  const ofProducts = new LRUCache<string, Kept>({ max: KEPT_PRODUCTS })
  const urls = new LRUCache<string, DeliveryUrl>({ max: KEPT_URLS })

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

  const plain = (path: string, ready: Ready): DeliveryUrl => {
    const now = clock.now()
    const expiresAt = urlExpiry(now, { ...life, lifeSeconds: YEAR_SECONDS }, ready.grantEndsAt)
    if (expiresAt <= now) throw nothingHere()
    return { url: base(ready) + path, expiresAt, isPlain: true }
  }

  const signed = (path: string, ready: Ready, signers: readonly Signer[]): DeliveryUrl | undefined => {
    const now = clock.now()
    // To the second, as URLs end.
    const signer = signers.find(({ endsAt }) => Math.floor(endsAt / 1000) * 1000 > now)
    if (signer === undefined) return undefined
    const end = Math.min(ready.grantEndsAt ?? Number.POSITIVE_INFINITY, signer.endsAt)
    const expiresAt = urlExpiry(now, life, end)
    if (expiresAt <= now) throw nothingHere()
    const { kid, secret } = signer
    const front = base(ready)
    const name = `${kid}\n${expiresAt}\n${front}${path}`
    const known = urls.get(name)
    if (known !== undefined) return known
    const unsigned = { path, query: '', exp: expiresAt / 1000, kid }
    const sig = signatureOf(secret, unsigned)
    const url = front + writeSigned({ ...unsigned, sig, place: inPath ? 'path' : 'query' })
    const written: DeliveryUrl = { url, expiresAt, isPlain: false }
    urls.set(name, written)
    return written
  }

  return ready => {
    const path = writeDeliveryPath(ready)
    // Nobody is asked for a credential there, and without one everybody is of one tenant.
    if (ready.visibility === 'public' && ready.tenant === config.tenant) return plain(path, ready)
    const signers = signersOf(ready)
    return signers instanceof Promise ? signers.then(found => signed(path, ready, found)) : signed(path, ready, signers)
  }
}
