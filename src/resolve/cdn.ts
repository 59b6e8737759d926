/**
 * Where the bytes of a ready answer are to be had: from the store, by a presigned URL, or from a CDN in front, by the delivery
 * URL that the gateway answers behind it. An edge that redirects leaves a CDN nothing to keep, and of one that asks for networks
 * it knows nothing, so both give the URL of the store; `/i/` itself asks for none of this, so it never leads back to the CDN.
 *
 * - What anybody may see has its plain URL, the same for ever; its end is when a cache that kept it today would ask again.
 * - Everything else is signed with the product's newest key, by the windows of presigned URLs (deliver/presign.ts) and with
 *   their promise: never beyond the end of what allowed it. Without a key that signs, the URL of the store is given, which
 *   works as well; `matrix doctor` finds it.
 */
import type { Config } from '../config.ts'
import type { Presign, PresignedUrl } from '../deliver/presign.ts'
import type { Clock } from '../lib/clock.ts'
import type { Sealing } from '../lib/sealed.ts'
import type { Database } from '../manifest/database.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Ready } from './answer.ts'
import { type DeliveryUrl, openDeliveryUrls } from './delivery-urls.ts'

export interface Located extends Omit<PresignedUrl, 'via'> {
  readonly via: PresignedUrl['via'] | 'cdn'
}

export type Locate = (ready: Ready) => Located | Promise<Located>

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

/** Whether a CDN in front would keep it. A draft is for who asked, which a URL of the product does not say. */
export const isForCdn = ({ delivery, visibility, published }: Ready): boolean =>
  published && delivery !== 'redirect' && visibility !== 'local'

/** `undefined`: there is no key to sign with. */
const openCdn = (base: string, dependencies: LocateDependencies) => {
  const { config, metrics } = dependencies
  const life = { lifeSeconds: config.presignSeconds, windowSeconds: config.presignWindowSeconds }
  const write = openDeliveryUrls({ base: () => base, life, inPath: config.cdnSignInPath }, dependencies)
  const located = (written: DeliveryUrl | undefined): Located | undefined => {
    metrics.cdnUrls.inc({ outcome: written === undefined ? 'unsigned' : written.isPlain ? 'public' : 'signed' })
    return written && { url: written.url, expiresAt: written.expiresAt, via: 'cdn' }
  }
  return (ready: Ready): Located | undefined | Promise<Located | undefined> => {
    const written = write(ready)
    return written instanceof Promise ? written.then(located) : located(written)
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
