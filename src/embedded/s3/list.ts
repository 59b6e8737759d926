/** ListObjectsV2: keys in byte order, a page at a time, rolled up at a delimiter where one is given. */
import { S3Error } from './errors.ts'
import { answerXml, type Operation } from './exchange.ts'
import { keyBytes, walkKeys } from './key-path.ts'
import { readObjectFacts } from './object-file.ts'
import type { S3Request } from './request.ts'

const PAGE_KEYS = 1000

export const listObjects: Operation = async ({ request, outgoing, bucketFolder }) => {
  const { query } = request
  if (query.get('list-type') !== '2') throw new S3Error('NotImplemented', 'Listings are supported in version 2 only')
  const [prefix, delimiter, maxKeys] = [query.get('prefix') ?? '', query.get('delimiter') ?? '', readMaxKeys(request)]
  const page = await readPage(bucketFolder, { prefix, delimiter, maxKeys, after: readAfter(request) })
  const encode = query.get('encoding-type') === 'url' ? encodeURIComponent : (text: string) => text
  answerXml(outgoing, 'ListBucketResult', {
    Name: request.bucket,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: maxKeys,
    KeyCount: page.contents.length + page.commonPrefixes.length,
    IsTruncated: page.next !== undefined,
    ContinuationToken: query.get('continuation-token'),
    NextContinuationToken: page.next,
    StartAfter: query.get('start-after'),
    EncodingType: query.get('encoding-type'),
    Contents: page.contents.map(({ key, facts }) => ({
      Key: encode(key),
      LastModified: new Date(facts.storedAt).toISOString(),
      ETag: facts.etag,
      Size: facts.bytes,
      StorageClass: 'STANDARD',
    })),
    CommonPrefixes: page.commonPrefixes.map(common => ({ Prefix: encode(common) })),
  })
}

interface PageOptions {
  readonly prefix: string
  readonly delimiter: string
  readonly maxKeys: number
  readonly after: string
}

const readPage = async (folder: string, { prefix, delimiter, maxKeys, after }: PageOptions) => {
  const contents = []
  const commonPrefixes: string[] = []
  let next: string | undefined
  let last = after
  for await (const { key, bytes, path } of walkKeys(folder, { prefix: keyBytes(prefix), after })) {
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
    const common = cut < 0 ? undefined : key.slice(0, cut + delimiter.length)
    const rolledUp = common !== undefined && common === commonPrefixes.at(-1)
    if (!rolledUp && contents.length + commonPrefixes.length >= maxKeys) {
      if (maxKeys > 0) next = Buffer.from(last, 'latin1').toString('base64url')
      break
    }
    last = bytes
    if (common === undefined) {
      // Deleted since the folder was read: then it is not listed.
      const facts = await readObjectFacts(path)
      if (facts) contents.push({ key, facts })
    } else if (!rolledUp) {
      commonPrefixes.push(common)
    }
  }
  return { contents, commonPrefixes, next }
}

/** In bytes. A page ends behind its last key, also behind the last one that a common prefix stands for. */
const readAfter = ({ query }: S3Request): string => {
  const token = query.get('continuation-token')
  if (token === undefined) return keyBytes(query.get('start-after') ?? '')
  if (!/^[A-Za-z0-9_-]*$/.test(token)) throw new S3Error('InvalidArgument', 'The continuation token is not one of ours')
  return Buffer.from(token, 'base64url').toString('latin1')
}

const readMaxKeys = ({ query }: S3Request): number => {
  const text = query.get('max-keys') ?? String(PAGE_KEYS)
  if (!/^\d{1,9}$/.test(text)) throw new S3Error('InvalidArgument', 'max-keys is not a number')
  return Math.min(PAGE_KEYS, Number(text))
}
