import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketAclCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectTaggingCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startS3Server } from '../../src/embedded/s3/server.ts'
import { startEmbeddedS3 } from '../support/s3-server.ts'
import { until } from '../support/until.ts'

const Bucket = 'assets'
const MB = 1024 * 1024
const digest = (algorithm: string, body: string | Uint8Array): string =>
  createHash(algorithm).update(body).digest('base64')

let server: Awaited<ReturnType<typeof startEmbeddedS3>>
let s3: S3Client
/** As a client that sends checksums only when told to, as ours does. */
let plain: S3Client

const clientOf = (endpoint: string, calculation: 'WHEN_SUPPORTED' | 'WHEN_REQUIRED' = 'WHEN_REQUIRED'): S3Client =>
  new S3Client({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test-key', secretAccessKey: 'test-secret' },
    forcePathStyle: true,
    maxAttempts: 1,
    requestChecksumCalculation: calculation,
    logger: { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet },
  })
const quiet = (): void => undefined

beforeAll(async () => {
  server = await startEmbeddedS3({ durable: true })
  s3 = clientOf(server.endpoint, 'WHEN_SUPPORTED')
  plain = clientOf(server.endpoint)
  await s3.send(new CreateBucketCommand({ Bucket }))
})
afterAll(async () => {
  s3?.destroy()
  plain?.destroy()
  await server?.close()
})

const put = (Key: string, Body: PutObjectCommandInput['Body'], more: Partial<PutObjectCommandInput> = {}, by = plain) =>
  by.send(new PutObjectCommand({ Bucket, Key, Body, ...more }))
const read = async (Key: string, more: object = {}, by = plain): Promise<Buffer> => {
  const { Body } = await by.send(new GetObjectCommand({ Bucket, Key, ...more }))
  return Buffer.from((await Body?.transformToByteArray()) ?? [])
}
const status = (http: number, name?: string) =>
  expect.objectContaining({ $metadata: expect.objectContaining({ httpStatusCode: http }), ...(name ? { name } : {}) })
const isMissing = (Key: string) => expect(s3.send(new HeadObjectCommand({ Bucket, Key }))).rejects.toEqual(status(404))
const tempFiles = (): Promise<string[]> => readdir(join(server.folder, 'tmp'))

describe('bodies', () => {
  const body = randomBytes(100_000)
  const stream = () => Readable.from([body.subarray(0, 40_000), body.subarray(40_000)])

  it('are read in every form that the SDK sends', async () => {
    await put('forms/crc', body, {}, s3)
    await put('forms/trailer', stream(), { ContentLength: body.length }, s3)
    await put('forms/plain', stream(), { ContentLength: body.length })
    await put('forms/sha1', body, { ChecksumAlgorithm: 'SHA1' }, s3)
    await put('forms/sha256', stream(), { ContentLength: body.length, ChecksumAlgorithm: 'SHA256' }, s3)
    for (const form of ['crc', 'trailer', 'plain', 'sha1', 'sha256']) {
      expect((await read(`forms/${form}`)).equals(body)).toBe(true)
    }
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'forms/sha256', ChecksumMode: 'ENABLED' }))
    expect(head.ChecksumSHA256).toBe(digest('sha256', body))
    expect(head.ETag).toBe(`"${createHash('md5').update(body).digest('hex')}"`)
  })

  it.each([
    ['Content-MD5', { ContentMD5: digest('md5', 'other') }, 'BadDigest'],
    ['a short Content-MD5', { ContentMD5: 'AAAA' }, 'InvalidDigest'],
    ['sha256', { ChecksumSHA256: digest('sha256', 'other') }, 'BadDigest'],
    ['sha1', { ChecksumSHA1: digest('sha1', 'other') }, 'BadDigest'],
    ['crc32', { ChecksumCRC32: 'AAAAAA==' }, 'BadDigest'],
  ])('that do not match %s are refused and leave nothing', async (name, more, code) => {
    const Key = `wrong/${name}`
    await expect(put(Key, 'body', more)).rejects.toEqual(status(400, code))
    await isMissing(Key)
    expect(await tempFiles()).toEqual([])
  })

  it('with a checksum that is not known are refused, not stored unchecked', async () => {
    await expect(put('wrong/crc32c', 'body', { ChecksumCRC32C: 'AAAAAA==' })).rejects.toEqual(status(501))
    await isMissing('wrong/crc32c')
  })

  const presignedPut = (Key: string): Promise<string> =>
    getSignedUrl(plain, new PutObjectCommand({ Bucket, Key }), { expiresIn: 60 })

  it('with fewer bytes than announced leave nothing', async () => {
    const url = new URL(await presignedPut('cut/short'))
    const socket = connect(Number(url.port), url.hostname)
    socket.on('error', quiet)
    socket.write(`PUT ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nContent-Length: 200000\r\n\r\n`)
    socket.write(randomBytes(100_000))
    await until('the body is being written', async () => (await tempFiles()).length === 1)
    socket.destroy()
    await until('the temporary file is gone', async () => (await tempFiles()).length === 0)
    await isMissing('cut/short')
  })

  it('without a length are refused', async () => {
    const body = Readable.toWeb(Readable.from(['x'])) as ReadableStream
    const response = await fetch(await presignedPut('no/length'), {
      method: 'PUT',
      body,
      duplex: 'half',
    } as RequestInit)
    expect(response.status).toBe(411)
  })

  it('are not asked for where the answer is known', async () => {
    await put('known/a', 'x')
    let sent = 0
    const slow = new Readable({
      read(size) {
        sent += size
        this.push(randomBytes(size))
      },
    })
    const known = put('known/a', slow, { ContentLength: 50 * MB, IfNoneMatch: '*' })
    await expect(known).rejects.toEqual(status(412, 'PreconditionFailed'))
    slow.destroy()
    expect(sent).toBeLessThan(MB)
  })
})

describe('objects', () => {
  it('keep their headers, and replace or create as asked', async () => {
    const headers = {
      ContentType: 'text/x',
      CacheControl: 'max-age=9',
      ContentLanguage: 'de',
      Metadata: { foo: 'b r' },
    }
    await put('o/a', 'one', headers)
    expect(await s3.send(new HeadObjectCommand({ Bucket, Key: 'o/a' }))).toMatchObject({ ...headers, ContentLength: 3 })
    await put('o/a', 'three')
    expect((await read('o/a')).toString()).toBe('three')
    await expect(put('o/a', 'four', { IfNoneMatch: '*' })).rejects.toEqual(status(412))
    await expect(put('o/a', 'four', { IfMatch: '"x"' })).rejects.toEqual(status(501))
    expect((await read('o/a')).toString()).toBe('three')
  })

  it('let one of twenty racing creations win, whole', async () => {
    const bodies = Array.from({ length: 20 }, () => randomBytes(20_000))
    const puts = await Promise.allSettled(bodies.map(body => put('o/race', body, { IfNoneMatch: '*' })))
    const winners = puts.flatMap((one, at) => (one.status === 'fulfilled' ? [at] : []))
    expect(winners).toHaveLength(1)
    expect((await read('o/race')).equals(bodies[winners[0] ?? 0] ?? Buffer.alloc(0))).toBe(true)
  })

  it('answer ranges and conditions', async () => {
    await put('o/range', '0123456789')
    const { ETag, LastModified } = await s3.send(new HeadObjectCommand({ Bucket, Key: 'o/range' }))
    const ranges = {
      'bytes=2-4': '234',
      'bytes=7-': '789',
      'bytes=-3': '789',
      'bytes=-99': '0123456789',
      'bytes=5-99': '56789',
    }
    for (const [Range, text] of Object.entries(ranges)) expect((await read('o/range', { Range })).toString()).toBe(text)
    for (const Range of ['bytes=1-2,4-5', 'bytes=4-2', 'lines=1-2']) {
      expect((await read('o/range', { Range })).toString()).toBe('0123456789')
    }
    for (const Range of ['bytes=10-', 'bytes=-0']) await expect(read('o/range', { Range })).rejects.toEqual(status(416))
    await expect(read('o/range', { IfNoneMatch: ETag })).rejects.toEqual(status(304))
    await expect(read('o/range', { IfModifiedSince: LastModified })).rejects.toEqual(status(304))
    await expect(read('o/range', { IfMatch: '"other"' })).rejects.toEqual(status(412))
    await expect(read('o/range', { IfUnmodifiedSince: new Date(0) })).rejects.toEqual(status(412))
    expect((await read('o/range', { IfMatch: ETag, IfNoneMatch: '"other"' })).length).toBe(10)
  })

  it('are copied with their headers or new ones, and not over one that must not be replaced', async () => {
    await put('copy/from ü+', 'body', { ContentType: 'text/x', Metadata: { a: '1' } })
    const CopySource = `${Bucket}/${encodeURIComponent('copy/from ü+')}`
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy/same', CopySource }))
    const replaced = { MetadataDirective: 'REPLACE', ContentType: 'text/y', Metadata: { b: '2' } } as const
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'copy/new', CopySource, ...replaced }))
    expect((await read('copy/same')).toString()).toBe('body')
    const head = (Key: string) => s3.send(new HeadObjectCommand({ Bucket, Key }))
    expect(await head('copy/same')).toMatchObject({ ContentType: 'text/x', Metadata: { a: '1' } })
    expect(await head('copy/new')).toMatchObject({ ContentType: 'text/y', Metadata: { b: '2' } })
    const missing = s3.send(new CopyObjectCommand({ Bucket, Key: 'copy/x', CopySource: `${Bucket}/none` }))
    await expect(missing).rejects.toEqual(status(404))
  })

  const ODD = [
    '../x',
    '../../../../etc/x',
    'a/../b',
    '/',
    'a//b',
    '.',
    'nul\0',
    'e\u0301',
    'é',
    'A',
    'a',
    'a/b',
    'a b+c%20',
    '\u{1f600}',
  ]

  it('live under any key, each its own, inside the folder', async () => {
    for (const Key of ODD) await put(`${Key}`, `at ${Key}`)
    for (const Key of ODD) expect((await read(Key)).toString()).toBe(`at ${Key}`)
    const entries = await readdir(join(server.folder, '..'), { withFileTypes: true })
    expect(entries.some(({ name }) => name === 'x' || name === 'etc')).toBe(false)
    expect((await readdir(server.folder)).sort()).toEqual(['buckets', 'tmp', 'uploads'])
    for (const Key of ODD) await plain.send(new DeleteObjectCommand({ Bucket, Key }))
    for (const Key of ODD) await isMissing(Key)
  })

  it('have keys of up to 1024 bytes', async () => {
    for (const Key of ['k'.repeat(1024), 'é'.repeat(512), `${'d/'.repeat(511)}ab`]) {
      await put(Key, 'long')
      expect((await read(Key)).toString()).toBe('long')
    }
    await expect(put('k'.repeat(1025), 'x')).rejects.toEqual(status(400, 'KeyTooLongError'))
  })

  it('carry tags of their own until they are replaced', async () => {
    const tags = async () => (await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'o/tags' }))).TagSet
    const Tagging = { TagSet: [{ Key: 'k<', Value: 'v&"' }] }
    await put('o/tags', 'x')
    expect(await tags()).toEqual([])
    await s3.send(new PutObjectTaggingCommand({ Bucket, Key: 'o/tags', Tagging }))
    expect(await tags()).toEqual(Tagging.TagSet)
    await put('o/tags', 'y')
    expect(await tags()).toEqual([])
  })

  it('are removed one by one or many at once, and so are the folders', async () => {
    await put('gone/deep/a', 'x')
    await put('gone/deep/b', 'x')
    const Objects = [{ Key: 'gone/deep/a' }, { Key: 'gone/deep/b' }, { Key: 'gone/never' }]
    const removed = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
    expect([removed.Deleted?.length, removed.Errors]).toEqual([3, undefined])
    expect(await readdir(join(server.folder, 'buckets', Bucket))).not.toContain('gone.d')
  })

  it('are put while the last of their folder is being removed', async () => {
    const work = async (_: unknown, n: number) => {
      for (let round = 0; round < 30; round++) {
        await put(`busy/folder/${n}`, 'x', round % 2 ? { IfNoneMatch: '*' } : {})
        expect((await read(`busy/folder/${n}`)).toString()).toBe('x')
        await plain.send(new DeleteObjectCommand({ Bucket, Key: `busy/folder/${n}` }))
        await isMissing(`busy/folder/${n}`)
      }
    }
    await Promise.all(Array.from({ length: 8 }, work))
    expect(await readdir(join(server.folder, 'buckets', Bucket))).not.toContain('busy.d')
  })

  it('whose file was cut are an error, never a shorter object', async () => {
    await put('o/cut', 'x'.repeat(1000))
    const path = join(server.folder, 'buckets', Bucket, 'o.d', 'cut.o')
    const whole = await readFile(path)
    for (const bytes of [whole.subarray(1), whole.subarray(0, -1), Buffer.alloc(0)]) {
      await writeFile(path, bytes)
      await expect(read('o/cut')).rejects.toEqual(status(500))
    }
  })
})

describe('listings', () => {
  it('are in byte order, by page, rolled up at a delimiter', async () => {
    const keys = ['l/a', 'l/a-', 'l/a/1', 'l/a/2', 'l/b/1', 'l/c', 'l/&<>"', 'l/Z'].sort()
    for (const key of keys) await put(key, key)
    const pages = async (more: object) => {
      const found: string[] = []
      let ContinuationToken: string | undefined
      do {
        const page = await s3.send(
          new ListObjectsV2Command({ Bucket, Prefix: 'l/', MaxKeys: 2, ContinuationToken, ...more }),
        )
        expect(page.KeyCount).toBeLessThanOrEqual(2)
        found.push(
          ...[...(page.Contents ?? []).map(one => one.Key), ...(page.CommonPrefixes ?? []).map(one => one.Prefix)].map(
            String,
          ),
        )
        ContinuationToken = page.NextContinuationToken
        expect(page.IsTruncated).toBe(ContinuationToken !== undefined)
      } while (ContinuationToken)
      return found
    }
    expect(await pages({})).toEqual(keys)
    expect((await pages({ Delimiter: '/' })).sort()).toEqual(['l/&<>"', 'l/Z', 'l/a', 'l/a-', 'l/a/', 'l/b/', 'l/c'])
    expect(await pages({ StartAfter: 'l/a-' })).toEqual(keys.filter(key => key > 'l/a-'))
    const [first] = (await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'l/a' }))).Contents ?? []
    expect(first).toMatchObject({ Key: 'l/a', Size: 3, ETag: `"${createHash('md5').update('l/a').digest('hex')}"` })
  })
})

describe('multipart uploads', () => {
  const begin = async (Key: string) =>
    (await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ContentType: 'image/tiff' }))).UploadId ?? ''
  const part = async (Key: string, UploadId: string, PartNumber: number, Body: Uint8Array): Promise<CompletedPart> => {
    const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }))
    return { ETag, PartNumber }
  }
  const complete = (Key: string, UploadId: string, Parts: CompletedPart[], more: object = {}) =>
    s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ...more }))
  const uploadIds = async () =>
    ((await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? []).map(one => one.UploadId)

  it('become one object, once', async () => {
    const [one, two] = [randomBytes(5 * MB), randomBytes(1000)]
    const id = await begin('mp/a')
    expect(await uploadIds()).toEqual([id])
    const second = await part('mp/a', id, 2, randomBytes(10))
    const first = await part('mp/a', id, 1, one)
    const again = await part('mp/a', id, 2, two)
    const { Parts } = await s3.send(new ListPartsCommand({ Bucket, Key: 'mp/a', UploadId: id }))
    expect(Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
      [1, 5 * MB],
      [2, 1000],
    ])
    await expect(complete('mp/a', id, [first, second])).rejects.toEqual(status(400, 'InvalidPart'))
    await expect(complete('mp/a', id, [again, first])).rejects.toEqual(status(400, 'InvalidPartOrder'))
    const done = await Promise.allSettled([1, 2, 3].map(() => complete('mp/a', id, [first, again])))
    expect(done.filter(one => one.status === 'fulfilled')).toHaveLength(1)
    expect((await read('mp/a')).equals(Buffer.concat([one, two]))).toBe(true)
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'mp/a' }))
    expect([head.ContentType, head.ETag?.endsWith('-2"')]).toEqual(['image/tiff', true])
    expect(await uploadIds()).toEqual([])
  })

  it('create only when asked to, also in a race', async () => {
    const ids = await Promise.all([begin('mp/race'), begin('mp/race'), begin('mp/race')])
    const parts = await Promise.all(ids.map(id => part('mp/race', id, 1, randomBytes(100))))
    const done = await Promise.allSettled(
      ids.map((id, at) => complete('mp/race', id, [parts[at] ?? {}], { IfNoneMatch: '*' })),
    )
    expect(done.filter(one => one.status === 'fulfilled')).toHaveLength(1)
    const refused = done.flatMap(one => (one.status === 'rejected' ? [one.reason] : []))
    expect(refused).toEqual([status(412), status(412)])
    for (const UploadId of await uploadIds())
      await s3.send(new AbortMultipartUploadCommand({ Bucket, Key: 'mp/race', UploadId }))
    expect(await uploadIds()).toEqual([])
  })

  it('end when aborted, and ids that were never given are refused', async () => {
    const id = await begin('mp/b')
    const done = await part('mp/b', id, 1, randomBytes(100))
    await expect(part('mp/other', id, 1, randomBytes(100))).rejects.toEqual(status(404, 'NoSuchUpload'))
    await s3.send(new AbortMultipartUploadCommand({ Bucket, Key: 'mp/b', UploadId: id }))
    await expect(part('mp/b', id, 2, randomBytes(100))).rejects.toEqual(status(404, 'NoSuchUpload'))
    await expect(complete('mp/b', id, [done])).rejects.toEqual(status(404, 'NoSuchUpload'))
    for (const bad of ['../buckets', randomUUID(), 'x']) {
      await expect(part('mp/b', bad, 1, randomBytes(10))).rejects.toEqual(status(404, 'NoSuchUpload'))
    }
    await isMissing('mp/b')
    expect(await readdir(join(server.folder, 'uploads'))).toEqual([])
  })

  it('refuse parts that are too small or out of range', async () => {
    const id = await begin('mp/small')
    const parts = [await part('mp/small', id, 1, randomBytes(10)), await part('mp/small', id, 2, randomBytes(10))]
    await expect(complete('mp/small', id, parts)).rejects.toEqual(status(400, 'EntityTooSmall'))
    await expect(part('mp/small', id, 10_001, randomBytes(10))).rejects.toEqual(status(400, 'InvalidArgument'))
    await s3.send(new AbortMultipartUploadCommand({ Bucket, Key: 'mp/small', UploadId: id }))
  })
})

describe('the rest', () => {
  it('buckets are made, listed and removed when empty', async () => {
    await s3.send(new CreateBucketCommand({ Bucket: 'second.one' }))
    await expect(s3.send(new CreateBucketCommand({ Bucket: 'second.one' }))).rejects.toEqual(status(409))
    await s3.send(new PutObjectCommand({ Bucket: 'second.one', Key: 'x', Body: 'x' }))
    expect((await s3.send(new ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name)).toEqual([Bucket, 'second.one'])
    await expect(s3.send(new DeleteBucketCommand({ Bucket: 'second.one' }))).rejects.toEqual(status(409))
    await s3.send(new DeleteObjectCommand({ Bucket: 'second.one', Key: 'x' }))
    await s3.send(new DeleteBucketCommand({ Bucket: 'second.one' }))
    await expect(s3.send(new ListObjectsV2Command({ Bucket: 'second.one' }))).rejects.toEqual(
      status(404, 'NoSuchBucket'),
    )
  })

  it('what is not supported is refused, not ignored', async () => {
    await expect(s3.send(new GetBucketAclCommand({ Bucket }))).rejects.toEqual(status(501))
    const versioned = s3.send(new GetObjectCommand({ Bucket, Key: 'o/a', VersionId: '1' }))
    await expect(versioned).rejects.toEqual(status(501))
  })

  it('no one reads or writes anonymously', async () => {
    const statuses = ['/', `/${Bucket}`, `/${Bucket}/o/a`, '/%00', '/..%2f..%2fetc'].map(async path => {
      const methods = ['GET', 'PUT', 'DELETE', 'POST'].map(
        async method => (await fetch(server.endpoint + path, { method })).status,
      )
      return await Promise.all(methods)
    })
    for (const status of (await Promise.all(statuses)).flat()) expect([400, 403]).toContain(status)
  })

  it('browsers of any origin may use presigned URLs', async () => {
    const url = await getSignedUrl(plain, new GetObjectCommand({ Bucket, Key: 'o/a' }), { expiresIn: 60 })
    const asked = {
      origin: 'https://shop.example',
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'content-type',
    }
    const preflight = await fetch(url, { method: 'OPTIONS', headers: asked })
    expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([200, 'GET, HEAD, PUT'])
    expect(preflight.headers.get('access-control-allow-headers')).toBe('content-type')
    const got = await fetch(url, { headers: { origin: 'https://shop.example' } })
    expect([got.status, got.headers.get('access-control-allow-origin')]).toEqual([200, '*'])
  })

  it('a header that would break the answer is refused', async () => {
    const command = new GetObjectCommand({ Bucket, Key: 'o/a', ResponseContentDisposition: 'a\r\nset-cookie: x=1' })
    const response = await fetch(await getSignedUrl(plain, command, { expiresIn: 60 }))
    expect([response.status, response.headers.get('set-cookie')]).toEqual([400, null])
  })

  it('a restart keeps objects and uploads, and clears what a crash left', async () => {
    const own = await startEmbeddedS3({ durable: true })
    try {
      const before = clientOf(own.endpoint)
      await before.send(new CreateBucketCommand({ Bucket }))
      await before.send(new PutObjectCommand({ Bucket, Key: 'kept', Body: 'x', Metadata: { a: '1' } }))
      const { UploadId } = await before.send(new CreateMultipartUploadCommand({ Bucket, Key: 'later' }))
      await writeFile(join(own.folder, 'tmp', 'left-by-a-crash'), 'x')
      const { folder, accessKeyId, secretAccessKey } = own
      const again = await startS3Server({ folder, accessKeyId, secretAccessKey })
      const after = clientOf(again.endpoint)
      expect(await readdir(join(folder, 'tmp'))).toEqual([])
      expect((await after.send(new HeadObjectCommand({ Bucket, Key: 'kept' }))).Metadata).toEqual({ a: '1' })
      const part = { Bucket, Key: 'later', UploadId, PartNumber: 1 }
      expect((await after.send(new UploadPartCommand({ ...part, Body: 'y' }))).ETag).toBeDefined()
      for (const client of [before, after]) client.destroy()
      await again.close()
    } finally {
      await own.close()
    }
  })
})
