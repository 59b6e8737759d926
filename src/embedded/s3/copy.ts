/** CopyObject: the bytes of one object under another key, with its headers or new ones. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { S3Error } from './errors.ts'
import { answerXml, type Operation } from './exchange.ts'
import { keyPath } from './key-path.ts'
import { openObject, writeObject } from './object-file.ts'
import { isOnlyNew, storedHeaders, taken } from './put.ts'
import { header, readRequest } from './request.ts'

const CONDITIONS = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'].map(
  name => `x-amz-copy-source-${name}`,
)

export const copyObject: Operation = async ({ request, outgoing, disk, bucketFolder }) => {
  if (CONDITIONS.some(name => header(request, name) !== undefined)) {
    throw new S3Error('NotImplemented', 'Conditions on the source of a copy are not supported')
  }
  const onlyNew = isOnlyNew(request)
  const from = header(request, 'x-amz-copy-source') ?? ''
  const source = readRequest({ method: 'GET', url: from.startsWith('/') ? from : `/${from}`, headers: {} })
  if (source.bucket === '' || source.key === '')
    throw new S3Error('InvalidArgument', 'Expected a bucket and a key to copy')
  const object = await openObject(join(disk.buckets, source.bucket, keyPath(source.key)))
  if (object === undefined) throw new S3Error('NoSuchKey', 'The source of the copy does not exist')
  const { handle, facts } = object
  try {
    const replace = header(request, 'x-amz-metadata-directive') === 'REPLACE'
    // `end` is inclusive: an empty object has no stream that reads nothing.
    const bytes =
      facts.bytes === 0 ? noBytes() : handle.createReadStream({ start: 0, end: facts.bytes - 1, autoClose: false })
    const copy = await writeObject(disk, bytes, () => ({
      ...facts,
      id: randomUUID(),
      storedAt: Date.now(),
      headers: replace ? storedHeaders(request) : facts.headers,
    }))
    const path = join(bucketFolder, keyPath(request.key))
    if (!(await disk.commit(copy.temp, { path, onlyNew }))) throw taken()
    answerXml(outgoing, 'CopyObjectResult', {
      ETag: copy.facts.etag,
      LastModified: new Date(copy.facts.storedAt).toISOString(),
    })
  } finally {
    await handle.close()
  }
}

async function* noBytes(): AsyncGenerator<Buffer> {}
