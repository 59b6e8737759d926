/** Multipart uploads that nobody completes go after a day; those that are alive stay. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ABANDONED_MS, collectAbandoned } from '../../src/embedded/s3/abandoned.ts'
import { openDisk } from '../../src/embedded/s3/disk.ts'
import { type S3Server, startS3Server } from '../../src/embedded/s3/server.ts'
import { until } from '../support/until.ts'

const Bucket = 'assets'
const HOUR = 3_600_000

let folder: string
let server: S3Server
let s3: S3Client

const start = async (): Promise<void> => {
  server = await startS3Server({ folder, durable: false, accessKeyId: 'k', secretAccessKey: 's' })
  s3 = new S3Client({
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'k', secretAccessKey: 's' },
    forcePathStyle: true,
    maxAttempts: 1,
  })
}
const stop = async (): Promise<void> => {
  s3.destroy()
  await server.close()
}
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'matrix-s3-'))
  await start()
  await s3.send(new CreateBucketCommand({ Bucket }))
})
afterEach(async () => {
  await stop()
  await rm(folder, { recursive: true, force: true })
})

const begin = async (Key: string): Promise<string> =>
  (await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }))).UploadId ?? ''
const part = (Key: string, UploadId: string, PartNumber = 1) =>
  s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body: Buffer.alloc(1000, PartNumber) }))
const complete = (Key: string, UploadId: string, ETag: string | undefined) =>
  s3.send(
    new CompleteMultipartUploadCommand({
      Bucket,
      Key,
      UploadId,
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
    }),
  )
const listed = async () => ((await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? []).map(u => u.Key)
const folderOf = (id: string): string => join(folder, 'uploads', id)
const age = (path: string, ms: number): Promise<void> => {
  const at = new Date(Date.now() - ms)
  return utimes(path, at, at)
}

test('at start: those that received nothing for a day, and what a crash left of one', async () => {
  const old = await begin('old')
  await part('old', old)
  const young = await begin('young')
  const { ETag } = await part('young', young)
  await stop()
  const debris = folderOf('debris')
  await mkdir(debris)
  await writeFile(join(debris, '1.part'), 'x')
  await age(folderOf(old), ABANDONED_MS + HOUR)
  await age(debris, ABANDONED_MS + HOUR)
  await age(folderOf(young), ABANDONED_MS - HOUR)
  await start()
  await until('collected', () => !existsSync(folderOf(old)) && !existsSync(debris))
  expect(await listed()).toEqual(['young'])
  await complete('young', young, ETag)
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: 'young' }))
  expect(await Body?.transformToByteArray()).toHaveLength(1000)
})

test('while it runs: whoever comes back later is told, and leaves nothing behind', async () => {
  const id = await begin('late')
  const { ETag } = await part('late', id)
  const disk = await openDisk({ folder, durable: false })
  const soon = Date.now() + ABANDONED_MS - HOUR
  expect(await collectAbandoned(disk, soon)).toBe(0)
  expect(await listed()).toEqual(['late'])

  expect(await collectAbandoned(disk, Date.now() + ABANDONED_MS + HOUR)).toBe(1)
  expect(await listed()).toEqual([])
  await expect(part('late', id, 2)).rejects.toMatchObject({ name: 'NoSuchUpload' })
  await expect(complete('late', id, ETag)).rejects.toMatchObject({ name: 'NoSuchUpload' })
  expect(await readdir(join(folder, 'uploads'))).toEqual([])
  expect(await readdir(join(folder, 'tmp'))).toEqual([])
})

test('a part is a sign of life', async () => {
  const id = await begin('slow')
  await age(folderOf(id), ABANDONED_MS + HOUR)
  await part('slow', id)
  const disk = await openDisk({ folder, durable: false })
  expect(await collectAbandoned(disk, Date.now())).toBe(0)
  expect(await listed()).toEqual(['slow'])
})
