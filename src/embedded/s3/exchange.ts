/** What an operation is given: one request, the disk, and a response that nobody has written to. */
import { type ServerResponse, validateHeaderValue } from 'node:http'
import type { IncomingBody } from './body.ts'
import type { Disk } from './disk.ts'
import { S3Error } from './errors.ts'
import type { S3Request } from './request.ts'
import { type XmlFields, xmlDocument } from './xml.ts'

export interface Exchange {
  readonly request: S3Request
  readonly outgoing: ServerResponse
  readonly disk: Disk
  /** The bucket's folder: it exists, but for `createBucket`. */
  readonly bucketFolder: string
  /** Opened at first use: until then a client that waits for `100 Continue` sends nothing. */
  body(): IncomingBody
}

export type Operation = (exchange: Exchange) => Promise<void>

export const answer = (
  outgoing: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void => {
  outgoing.writeHead(status, { 'content-length': '0', ...headers }).end()
}

export const answerXml = (outgoing: ServerResponse, root: string, fields: XmlFields): void => {
  const xml = Buffer.from(xmlDocument(root, fields))
  outgoing.writeHead(200, { 'content-type': 'application/xml', 'content-length': xml.length }).end(xml)
}

/** For values of callers that become headers: no line may end in them. */
export const checkedHeader = (name: string, value: string): string => {
  try {
    validateHeaderValue(name, value)
  } catch {
    throw new S3Error('InvalidArgument', `The value of ${name} does not fit a header`)
  }
  return value
}
