/** CompleteMultipartUpload: the parts named, in order, as one object; create-only with `If-None-Match: *`. */
import { randomUUID } from 'node:crypto'
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { readText } from './body.ts'
import { S3Error, systemCode } from './errors.ts'
import { answerXml, type Exchange, type Operation } from './exchange.ts'
import { keyPath } from './key-path.ts'
import { dropUpload, findUpload, noSuchUpload, partPath, partsEtag, type Upload } from './multipart.ts'
import { type ObjectFacts, openObject, readObjectFacts, writeObject } from './object-file.ts'
import { isOnlyNew, taken } from './put.ts'
import { xmlElements, xmlText } from './xml.ts'

const DOCUMENT_BYTES = 4 * 1024 * 1024
/** All parts but the last have at least this. */
const PART_BYTES = 5 * 1024 * 1024

export const openComplete = (): Operation => {
  const underWay = new Set<string>()
  return async exchange => {
    const upload = await findUpload(exchange)
    if (underWay.has(upload.id)) throw new S3Error('OperationAborted', 'The upload is being completed')
    underWay.add(upload.id)
    try {
      await touch(upload)
      await complete(exchange, upload)
    } finally {
      underWay.delete(upload.id)
    }
  }
}

const complete = async (exchange: Exchange, upload: Upload): Promise<void> => {
  const { request, outgoing, disk, bucketFolder } = exchange
  const onlyNew = isOnlyNew(request)
  const named = readParts(await readText(exchange.body(), DOCUMENT_BYTES))
  const parts = await checkParts(upload, named)
  const { temp, facts } = await writeObject(disk, joinParts(upload, named), bytes => ({
    id: randomUUID(),
    bytes,
    etag: partsEtag(parts),
    storedAt: Date.now(),
    headers: upload.headers,
    checksums: {},
  }))
  const path = join(bucketFolder, keyPath(upload.key))
  if (!(await disk.commit(temp, { path, onlyNew }))) throw taken()
  await dropUpload(exchange, upload)
  answerXml(outgoing, 'CompleteMultipartUploadResult', {
    Location: `/${upload.bucket}/${upload.key}`,
    Bucket: upload.bucket,
    Key: upload.key,
    ETag: facts.etag,
  })
}

/** What is being completed is not abandoned, however long ago its last part came. */
const touch = async ({ folder }: Upload): Promise<void> => {
  const now = new Date()
  await utimes(folder, now, now).catch(error => {
    throw systemCode(error) === 'ENOENT' ? noSuchUpload() : error
  })
}

interface NamedPart {
  readonly number: number
  readonly etag: string
}

const readParts = (xml: string): NamedPart[] => {
  const parts = xmlElements(xml, 'Part').map(part => ({
    number: Number(xmlText(part, 'PartNumber')),
    etag: `"${(xmlText(part, 'ETag') ?? '').replaceAll('"', '')}"`,
  }))
  if (parts.length === 0 || parts.some(({ number }) => !Number.isInteger(number) || number < 1)) {
    throw new S3Error('MalformedXML', 'Expected parts with a number each')
  }
  if (parts.some(({ number }, at) => at > 0 && number <= (parts[at - 1]?.number ?? 0))) {
    throw new S3Error('InvalidPartOrder', 'The parts are not in ascending order')
  }
  return parts
}

const checkParts = async (upload: Upload, named: readonly NamedPart[]): Promise<ObjectFacts[]> => {
  const parts: ObjectFacts[] = []
  for (const [at, { number, etag }] of named.entries()) {
    const facts = await readObjectFacts(partPath(upload, number))
    if (facts?.etag !== etag) throw new S3Error('InvalidPart', `Part ${number} was not uploaded with this ETag`)
    if (at < named.length - 1 && facts.bytes < PART_BYTES)
      throw new S3Error('EntityTooSmall', `Part ${number} is too small`)
    parts.push(facts)
  }
  return parts
}

async function* joinParts(upload: Upload, named: readonly NamedPart[]): AsyncGenerator<Buffer> {
  for (const { number, etag } of named) {
    const part = await openObject(partPath(upload, number))
    try {
      if (part?.facts.etag !== etag) throw new S3Error('InvalidPart', `Part ${number} has changed`)
      if (part.facts.bytes === 0) continue
      yield* part.handle.createReadStream({
        start: 0,
        end: part.facts.bytes - 1,
        highWaterMark: 1024 * 1024,
        autoClose: false,
      })
    } finally {
      await part?.handle.close()
    }
  }
}
