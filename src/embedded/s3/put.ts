/** PutObject: create-only with `If-None-Match: *`, replacing otherwise. */
import { randomUUID } from 'node:crypto'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { S3Error, systemCode } from './errors.ts'
import { answer, type Operation } from './exchange.ts'
import { keyPath } from './key-path.ts'
import { writeObject } from './object-file.ts'
import { header, type S3Request } from './request.ts'

export const putObject: Operation = async ({ request, outgoing, disk, bucketFolder, body }) => {
  const path = join(bucketFolder, keyPath(request.key))
  const onlyNew = isOnlyNew(request)
  // Early, so that a client that waits for `100 Continue` does not send what is there already. The link decides.
  if (onlyNew && (await isThere(path))) throw taken()
  const incoming = body()
  const { temp, facts } = await writeObject(disk, incoming.chunks, bytes => ({
    id: randomUUID(),
    bytes,
    etag: `"${incoming.md5Hex()}"`,
    storedAt: Date.now(),
    headers: storedHeaders(request),
    checksums: incoming.checksums(),
  }))
  if (!(await disk.commit(temp, { path, onlyNew }))) throw taken()
  answer(outgoing, 200, { etag: facts.etag, ...facts.checksums })
}

/** The conditions of S3 writes. One that is not understood is refused: to ignore it would be to overwrite. */
export const isOnlyNew = (request: S3Request): boolean => {
  const condition = header(request, 'if-none-match')
  if (header(request, 'if-match') !== undefined || (condition !== undefined && condition !== '*')) {
    throw new S3Error('NotImplemented', 'Writes know the condition If-None-Match: * only')
  }
  return condition === '*'
}

export const taken = (): S3Error => new S3Error('PreconditionFailed', 'There is an object under this key')

const STORED = ['cache-control', 'content-disposition', 'content-language', 'expires']

/** What is kept to be sent back with the object. */
export const storedHeaders = (request: S3Request): Record<string, string> => {
  const kept: Record<string, string> = { 'content-type': header(request, 'content-type') || 'binary/octet-stream' }
  for (const name of Object.keys(request.headers)) {
    const value = header(request, name)
    if (value !== undefined && (STORED.includes(name) || name.startsWith('x-amz-meta-'))) kept[name] = value
  }
  const codings = (header(request, 'content-encoding') ?? '').split(',').map(coding => coding.trim())
  const encoding = codings.filter(coding => coding !== '' && coding !== 'aws-chunked').join(',')
  if (encoding !== '') kept['content-encoding'] = encoding
  return kept
}

const isThere = async (path: string): Promise<boolean> => {
  try {
    await access(path)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}
