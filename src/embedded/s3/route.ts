/** Which operation a request asks for: method, what the path names, and the flags of the query. */
import { createBucket, deleteBucket, getBucketLocation, headBucket, listBuckets } from './buckets.ts'
import { openComplete } from './complete.ts'
import { copyObject } from './copy.ts'
import { deleteObject, deleteObjects } from './delete.ts'
import { S3Error } from './errors.ts'
import type { Operation } from './exchange.ts'
import { getObject } from './get.ts'
import { listObjects } from './list.ts'
import { abortUpload, createUpload, listParts, listUploads, uploadPart } from './multipart.ts'
import { putObject } from './put.ts'
import { header, type S3Request } from './request.ts'
import { deleteTagging, getTagging, putTagging } from './tagging.ts'

interface Route {
  readonly on: 'service' | 'bucket' | 'object'
  readonly method: string
  /** A parameter that must be there. */
  readonly flag?: string
  readonly operation: Operation
}

/** Parameters that name a sub-resource: a request that has one never falls through to the plain operation. */
const SUBRESOURCES = new Set(
  (
    'acl accelerate analytics attributes cors encryption inventory legal-hold lifecycle logging metrics notification object-lock' +
    ' ownershipControls policy publicAccessBlock replication requestPayment restore retention select tagging torrent uploadId' +
    ' uploads versionId versioning versions website delete location'
  ).split(' '),
)

export const openRouter = (): ((request: S3Request) => Operation) => {
  const completeUpload = openComplete()
  const routes: readonly Route[] = [
    { on: 'service', method: 'GET', operation: listBuckets },
    { on: 'bucket', method: 'PUT', operation: createBucket },
    { on: 'bucket', method: 'HEAD', operation: headBucket },
    { on: 'bucket', method: 'DELETE', operation: deleteBucket },
    { on: 'bucket', method: 'GET', flag: 'location', operation: getBucketLocation },
    { on: 'bucket', method: 'GET', flag: 'uploads', operation: listUploads },
    { on: 'bucket', method: 'GET', operation: listObjects },
    { on: 'bucket', method: 'POST', flag: 'delete', operation: deleteObjects },
    { on: 'object', method: 'PUT', flag: 'tagging', operation: putTagging },
    { on: 'object', method: 'GET', flag: 'tagging', operation: getTagging },
    { on: 'object', method: 'DELETE', flag: 'tagging', operation: deleteTagging },
    { on: 'object', method: 'POST', flag: 'uploads', operation: createUpload },
    { on: 'object', method: 'PUT', flag: 'uploadId', operation: uploadPart },
    { on: 'object', method: 'GET', flag: 'uploadId', operation: listParts },
    { on: 'object', method: 'POST', flag: 'uploadId', operation: completeUpload },
    { on: 'object', method: 'DELETE', flag: 'uploadId', operation: abortUpload },
    { on: 'object', method: 'PUT', operation: putOrCopy },
    { on: 'object', method: 'GET', operation: getObject },
    { on: 'object', method: 'HEAD', operation: getObject },
    { on: 'object', method: 'DELETE', operation: deleteObject },
  ]
  return request => {
    const on = request.bucket === '' ? 'service' : request.key === '' ? 'bucket' : 'object'
    const flag = [...request.query.keys()].find(name => SUBRESOURCES.has(name))
    const route = routes.find(one => one.on === on && one.method === request.method && one.flag === flag)
    if (route) return route.operation
    if (flag !== undefined) throw new S3Error('NotImplemented', `${flag} is not supported`)
    throw new S3Error('MethodNotAllowed', 'The method is not allowed against this resource')
  }
}

const putOrCopy: Operation = exchange =>
  header(exchange.request, 'x-amz-copy-source') === undefined ? putObject(exchange) : copyObject(exchange)
