/**
 * Requests to other services of AWS than S3, signed (Signature Version 4) by what signs those to S3: its client knows where
 * credentials come from (environment, profile, instance role) and renews them.
 */
import { S3Client } from '@aws-sdk/client-s3'

export interface AwsRequest {
  readonly url: URL
  readonly method: 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly signingDate: Date
}

/** Gives the headers to send: those of the request, and the signature's. Throws where there are no credentials. */
export type SignAwsRequest = (request: AwsRequest) => Promise<Record<string, string>>

export interface AwsSignerOptions {
  readonly service: string
  readonly region: string
  /** Default: the SDK's own chain. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
}

export const openAwsSigner = ({ service, region, credentials }: AwsSignerOptions): SignAwsRequest => {
  const { config } = new S3Client({ region, ...(credentials && { credentials }) })
  return async ({ url, method, headers, body, signingDate }) => {
    const signer = await config.signer?.()
    if (signer === undefined) throw new Error('The AWS SDK has no signer')
    const { protocol, hostname, port, host, pathname } = url
    const { headers: signed } = await signer.sign(
      {
        protocol,
        hostname,
        ...(port && { port: Number(port) }),
        method,
        path: pathname,
        query: {},
        headers: { ...headers, host },
        body,
      } as Parameters<typeof signer.sign>[0],
      { signingService: service, signingRegion: region, signingDate },
    )
    const { host: _, ...rest } = signed
    return rest
  }
}
