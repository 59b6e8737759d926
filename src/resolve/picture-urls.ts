/**
 * Where a page finds what a `<picture>` names. A page lives longer than a presigned URL, and what is loaded late is asked for when
 * it is scrolled to; so URLs are delivery paths, where every request is decided anew: plain ones of what anybody may see, signed
 * ones, good for a day, where the product has a signing key. Without one they are presigned and live for minutes, as `expires_at` says.
 */
import type { Config } from '../config.ts'
import type { Presign } from '../deliver/presign.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { Ready } from './answer.ts'
import { isForCdn } from './cdn.ts'
import { type DeliveryUrlDependencies, openDeliveryUrls } from './delivery-urls.ts'

export interface PictureUrl {
  readonly url: string
  /** Epoch milliseconds; `undefined`: it has no end. */
  readonly expiresAt: number | undefined
  readonly via: 'gateway' | 'cdn' | 's3'
}

export type LocateInPage = (ready: Ready) => Promise<PictureUrl>

export interface PictureUrlDependencies extends DeliveryUrlDependencies {
  readonly config: DeliveryUrlDependencies['config'] & Pick<Config, 'cdnBaseUrl' | 'cdnSignInPath'>
  readonly presign: Presign
  readonly derivatives: ObjectStore
}

/** All who write a page within an hour write the same one; a tab may stay open for a day. */
const LIFE = { lifeSeconds: 86_400, windowSeconds: 3_600 }

export const openPictureUrls = (dependencies: PictureUrlDependencies, publicBase: () => string): LocateInPage => {
  const { config, presign, derivatives } = dependencies
  const { cdnBaseUrl } = config
  const viaOf = (ready: Ready) => (cdnBaseUrl !== undefined && isForCdn(ready) ? 'cdn' : 'gateway')
  const write = openDeliveryUrls(
    {
      base: ready => (viaOf(ready) === 'cdn' ? (cdnBaseUrl ?? '') : publicBase()),
      life: LIFE,
      // Shared caches keep what is signed in the path; a CDN may want to see it in the query.
      inPath: cdnBaseUrl === undefined || config.cdnSignInPath,
    },
    dependencies,
  )
  return async ready => {
    // A draft is for who asked, which a URL of the product does not say.
    const written = ready.published ? await write(ready) : undefined
    if (written !== undefined) {
      const { url, expiresAt, isPlain } = written
      return { url, expiresAt: isPlain && ready.grantEndsAt === undefined ? undefined : expiresAt, via: viaOf(ready) }
    }
    const { objectKey: key, mediaType } = ready.derivative
    return presign(derivatives, { key, mediaType, notAfter: ready.grantEndsAt })
  }
}
