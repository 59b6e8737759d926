/**
 * URLs that take bytes, and exactly those that were announced: length, type and digest are signed headers, so a store that checks
 * signatures refuses a request that says otherwise, and one that checks bodies a body that is otherwise.
 *
 * Signed by what signs the client's own requests: the SDK's presigner leaves `content-type` out and puts UNSIGNED-PAYLOAD in the
 * place of the digest, and its command pipeline would sign the checksum of an empty body.
 */
import type { S3Client } from '@aws-sdk/client-s3'
import { MatrixError } from '../model/errors.ts'
import type { Hex } from '../model/ids.ts'
import { bucketUrl, type PresignerOptions, percentEncode } from './s3-presign.ts'

export interface SignedPut {
  readonly url: string
  /** Those that have to be sent as they are, beside `Host`. */
  readonly headers: Readonly<Record<string, string>>
}

export interface PutToSign {
  readonly key: string
  readonly bytes: number
  readonly mediaType?: string | undefined
  /** Of the whole body. */
  readonly sha256?: Hex | undefined
  readonly query?: Readonly<Record<string, string>>
  readonly signedAt: Date
  readonly expiresInSeconds: number
}

interface Presigner {
  presign(
    request: object,
    options: { expiresIn: number; signingDate: Date; unhoistableHeaders: Set<string> },
  ): Promise<{ readonly query?: Readonly<Record<string, unknown>> }>
}

/** Headers of ours that stay headers: in the query, where they would be by default, no body is held against them. */
const KEPT = new Set(['x-amz-content-sha256', 'x-amz-checksum-sha256'])

export const openPutPresigner = (options: PresignerOptions): ((request: PutToSign) => Promise<SignedPut>) => {
  const base = bucketUrl(options)
  return async ({ key, bytes, mediaType, sha256, query = {}, signedAt, expiresInSeconds }) => {
    const { protocol, hostname, port, host } = base
    const path = `${base.path}/${key.split('/').map(percentEncode).join('/')}`
    const headers: Record<string, string> = { 'content-length': String(bytes) }
    if (mediaType !== undefined) headers['content-type'] = mediaType
    if (sha256 !== undefined) {
      headers['x-amz-content-sha256'] = sha256
      headers['x-amz-checksum-sha256'] = Buffer.from(sha256, 'hex').toString('base64')
    }
    // Without a digest the body is signed as unsigned, which is said in the place of the digest and not sent.
    const payload = sha256 === undefined ? { 'x-amz-content-sha256': UNSIGNED } : {}
    const signer = await presignerOf(options.client)
    const signed = await signer.presign(
      { method: 'PUT', protocol, hostname, port, path, query: { ...query }, headers: { host, ...headers, ...payload } },
      {
        expiresIn: expiresInSeconds,
        signingDate: signedAt,
        unhoistableHeaders: sha256 === undefined ? new Set() : KEPT,
      },
    )
    const pairs = Object.entries(signed.query ?? {}).map(
      ([name, value]) => `${percentEncode(name)}=${percentEncode(String(value))}`,
    )
    return { url: `${protocol}//${host}${path}?${pairs.join('&')}`, headers }
  }
}

const UNSIGNED = 'UNSIGNED-PAYLOAD'

/** The client's type promises `sign` alone. */
const presignerOf = async (client: S3Client): Promise<Presigner> => {
  const signer: unknown = await client.config.signer?.()
  if (typeof (signer as Presigner | undefined)?.presign !== 'function')
    throw new MatrixError('internal', 'The AWS SDK has no presigner')
  return signer as Presigner
}
