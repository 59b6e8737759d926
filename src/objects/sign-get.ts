/**
 * A GET of an object in a bucket of somebody else's, signed in its URL with his key (Signature Version 4). The signature is bound
 * to the host: whoever else is sent there can do nothing with it, and the secret stays here.
 */
import { S3Client } from '@aws-sdk/client-s3'
import { S3RequestPresigner } from '@aws-sdk/s3-request-presigner'
import { percentEncode } from './s3-presign.ts'

export interface BucketKey {
  readonly keyId: string
  readonly secret: string
  readonly region: string
}

/** For clocks that are behind ours. */
const BACK_MS = 30_000
const LIFE_SECONDS = 300

/** Of a URL that names an object, with its `versionId` where it has one. */
export const signGet = async (
  url: URL,
  { keyId, secret, region }: BucketKey,
  { now }: { readonly now: number },
): Promise<URL> => {
  const { config } = new S3Client({ region, credentials: { accessKeyId: keyId, secretAccessKey: secret } })
  const { credentials, sha256 } = config
  const presigner = new S3RequestPresigner({ credentials, sha256, region })
  const { protocol, hostname, port, host } = url
  // As the signature spells it, which is stricter than a URL.
  const path = url.pathname.split('/').map(decodeURIComponent).map(percentEncode).join('/')
  const signed = await presigner.presign(
    {
      ...{ method: 'GET', protocol, hostname, path, headers: { host } },
      ...(port !== '' && { port: Number(port) }),
      query: Object.fromEntries(url.searchParams),
    },
    { expiresIn: LIFE_SECONDS, signingDate: new Date(now - BACK_MS) },
  )
  const pairs = Object.entries(signed.query ?? {}).map(
    ([name, value]) => `${percentEncode(name)}=${percentEncode(String(value))}`,
  )
  return new URL(`${protocol}//${host}${path}?${pairs.join('&')}`)
}
