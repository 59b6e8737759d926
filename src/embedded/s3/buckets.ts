/** Buckets are folders. */
import { readdir, rmdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { S3Error, systemCode } from './errors.ts'
import { answer, answerXml, type Operation } from './exchange.ts'

export const listBuckets: Operation = async ({ outgoing, disk }) => {
  const names = (await readdir(disk.buckets)).sort()
  const Bucket = await Promise.all(
    names.map(async Name => ({ Name, CreationDate: (await stat(join(disk.buckets, Name))).birthtime.toISOString() })),
  )
  answerXml(outgoing, 'ListAllMyBucketsResult', { Owner: { ID: 'embedded' }, Buckets: { Bucket } })
}

export const createBucket: Operation = async ({ request, outgoing, disk, bucketFolder }) => {
  if (await hasBucket(bucketFolder)) throw new S3Error('BucketAlreadyOwnedByYou', 'The bucket exists and is yours')
  await disk.makeFolder(bucketFolder)
  answer(outgoing, 200, { location: `/${request.bucket}` })
}

export const headBucket: Operation = async ({ outgoing }) => answer(outgoing, 200)

export const getBucketLocation: Operation = async ({ outgoing }) => answerXml(outgoing, 'LocationConstraint', {})

export const deleteBucket: Operation = async ({ outgoing, disk, bucketFolder }) => {
  try {
    await rmdir(bucketFolder)
  } catch (error) {
    if (systemCode(error) === 'ENOTEMPTY') throw new S3Error('BucketNotEmpty', 'The bucket is not empty')
    throw error
  }
  disk.forget(bucketFolder)
  answer(outgoing, 204)
}

export const hasBucket = async (bucketFolder: string): Promise<boolean> => {
  try {
    return (await stat(bucketFolder)).isDirectory()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}
