/**
 * Multipart uploads: a folder each, with what was said at the start and a file per part. Completing writes the parts into
 * one temporary file and commits it like any object, so that a crash leaves either the upload or the object, at worst both.
 */
import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { S3Error, systemCode } from './errors.ts'
import { answer, answerXml, type Exchange, type Operation } from './exchange.ts'
import { type ObjectFacts, readObjectFacts, writeObject } from './object-file.ts'
import { storedHeaders } from './put.ts'
import { header } from './request.ts'

export interface Upload {
  readonly id: string
  readonly folder: string
  readonly bucket: string
  readonly key: string
  readonly startedAt: number
  readonly headers: Readonly<Record<string, string>>
}

const MOST_PARTS = 10_000

export const createUpload: Operation = async ({ request, outgoing, disk }) => {
  const id = randomUUID()
  const folder = join(disk.uploads, id)
  const upload: Upload = {
    id,
    folder,
    bucket: request.bucket,
    key: request.key,
    startedAt: Date.now(),
    headers: storedHeaders(request),
  }
  const temp = await disk.newTemp()
  await temp.handle.writeFile(JSON.stringify(upload))
  await disk.commit(temp, { path: join(folder, 'upload.json'), onlyNew: true })
  answerXml(outgoing, 'InitiateMultipartUploadResult', { Bucket: request.bucket, Key: request.key, UploadId: id })
}

export const uploadPart: Operation = async exchange => {
  const { request, outgoing, disk } = exchange
  if (header(request, 'x-amz-copy-source') !== undefined) throw new S3Error('NotImplemented', 'Parts cannot be copied')
  const number = Number(request.query.get('partNumber'))
  if (!Number.isInteger(number) || number < 1 || number > MOST_PARTS) {
    throw new S3Error('InvalidArgument', 'Part numbers run from 1 to 10000')
  }
  const upload = await findUpload(exchange)
  const incoming = exchange.body()
  const { temp, facts } = await writeObject(disk, incoming.chunks, bytes => ({
    id: randomUUID(),
    bytes,
    etag: `"${incoming.md5Hex()}"`,
    storedAt: Date.now(),
    headers: {},
    checksums: incoming.checksums(),
  }))
  await disk.commit(temp, { path: partPath(upload, number), onlyNew: false })
  // Aborted meanwhile: the commit has made its folder again.
  if ((await readUpload(upload.folder)) === undefined) {
    await rm(upload.folder, { recursive: true, force: true })
    throw noSuchUpload()
  }
  answer(outgoing, 200, { etag: facts.etag, ...facts.checksums })
}

export const listParts: Operation = async exchange => {
  const { request, outgoing } = exchange
  const upload = await findUpload(exchange)
  const after = Number(request.query.get('part-number-marker') ?? 0)
  const most = Math.min(1000, Number(request.query.get('max-parts') ?? 1000))
  const numbers = (await partNumbers(upload)).filter(number => number > after)
  const page = numbers.slice(0, most)
  const Part = []
  for (const PartNumber of page) {
    const facts = await readObjectFacts(partPath(upload, PartNumber))
    if (facts) Part.push({ PartNumber, ETag: facts.etag, Size: facts.bytes, LastModified: isoDate(facts.storedAt) })
  }
  answerXml(outgoing, 'ListPartsResult', {
    Bucket: upload.bucket,
    Key: upload.key,
    UploadId: upload.id,
    MaxParts: most,
    IsTruncated: numbers.length > page.length,
    NextPartNumberMarker: page.at(-1) ?? 0,
    Part,
  })
}

export const listUploads: Operation = async ({ request, outgoing, disk }) => {
  const prefix = request.query.get('prefix') ?? ''
  const found: Upload[] = []
  for (const id of await readdir(disk.uploads)) {
    const upload = await readUpload(join(disk.uploads, id))
    if (upload?.bucket === request.bucket && upload.key.startsWith(prefix)) found.push(upload)
  }
  found.sort((a, b) => (a.key === b.key ? a.startedAt - b.startedAt : a.key < b.key ? -1 : 1))
  answerXml(outgoing, 'ListMultipartUploadsResult', {
    Bucket: request.bucket,
    Prefix: prefix,
    IsTruncated: false,
    Upload: found.map(({ key, id, startedAt }) => ({ Key: key, UploadId: id, Initiated: isoDate(startedAt) })),
  })
}

export const abortUpload: Operation = async exchange => {
  const upload = await findUpload(exchange)
  await dropUpload(exchange, upload)
  answer(exchange.outgoing, 204)
}

export const dropUpload = async ({ disk }: Exchange, { folder }: Upload): Promise<void> => {
  disk.forget(folder)
  await rm(folder, { recursive: true, force: true })
}

/** The upload named by the request; it must be of this bucket and key. */
export const findUpload = async ({ request, disk }: Exchange): Promise<Upload> => {
  const id = request.query.get('uploadId') ?? ''
  const upload = /^[0-9a-f-]{36}$/.test(id) ? await readUpload(join(disk.uploads, id)) : undefined
  if (upload?.bucket !== request.bucket || upload.key !== request.key) throw noSuchUpload()
  return upload
}

export const partPath = ({ folder }: Upload, number: number): string => join(folder, `${number}.part`)

export const partsEtag = (parts: readonly ObjectFacts[]): string => {
  const md5 = createHash('md5')
  for (const { etag } of parts) md5.update(Buffer.from(etag.slice(1, -1), 'hex'))
  return `"${md5.digest('hex')}-${parts.length}"`
}

const partNumbers = async ({ folder }: Upload): Promise<number[]> =>
  (await readdir(folder))
    .filter(name => name.endsWith('.part'))
    .map(name => Number.parseInt(name, 10))
    .sort((a, b) => a - b)

const readUpload = async (folder: string): Promise<Upload | undefined> => {
  try {
    return { ...JSON.parse(await readFile(join(folder, 'upload.json'), 'utf8')), folder }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

export const noSuchUpload = (): S3Error =>
  new S3Error('NoSuchUpload', 'The upload does not exist: it was completed or aborted')

const isoDate = (at: number): string => new Date(at).toISOString()
