/**
 * Event notifications of S3, as AWS defines them (event message structure 2.x) and MinIO and Ceph send them by webhook: each object
 * that was created in the bucket is an original. It is fetched from `base_url`, where `{bucket}` stands for its bucket. What was
 * removed over there stays here.
 */
import { z } from 'zod'
import { refuse } from '../../model/errors.ts'
import { type Adapted, type Adapter, parsePayload, VISIBLE, type Wish } from './adapter.ts'

const Record = z.looseObject({
  eventName: z.string().max(100),
  eventTime: z.string().max(64).optional(),
  s3: z.looseObject({
    bucket: z.looseObject({ name: z.string().regex(/^[a-zA-Z0-9._-]{1,255}$/) }),
    object: z.looseObject({
      key: z.string().min(1).max(3072),
      size: z.number().int().nonnegative().optional(),
      eTag: z.string().max(200).optional(),
      versionId: z.string().max(1024).optional(),
      sequencer: z.string().max(200).optional(),
    }),
  }),
})
/** AWS sends the second kind once, when it is told where to send. */
const Payload = z.union([
  z.looseObject({ Records: z.array(Record).min(1).max(1000) }),
  z.looseObject({ Event: z.literal('s3:TestEvent'), RequestId: z.string().max(200).optional() }),
])
type S3Record = z.infer<typeof Record>

/** `+` is a space, as in a form. Throws `contract-violation`. */
const keyOf = ({ s3 }: S3Record): string => {
  let key: string
  try {
    key = decodeURIComponent(s3.object.key.replaceAll('+', ' '))
  } catch (cause) {
    throw refuse('contract-violation', 'The key of an object is not encoded as a URL.', { cause })
  }
  if (!VISIBLE.test(key)) throw refuse('contract-violation', 'The key of an object has what cannot be seen.')
  return key
}

/** Segments of `.` and `..` would lead elsewhere in a URL; as parts of a key they cannot be fetched by one. */
const pathOf = (key: string): string => {
  const segments = key.split('/')
  if (segments.some(segment => segment === '.' || segment === '..'))
    throw refuse('contract-violation', 'The key of an object cannot be a path.')
  return segments.map(encodeURIComponent).join('/')
}

const wishOf = (record: S3Record, baseUrl: string): Wish => {
  const { bucket, object } = record.s3
  const key = keyOf(record)
  const version = object.versionId === undefined ? '' : `?versionId=${encodeURIComponent(object.versionId)}`
  return {
    externalId: `${bucket.name}/${key}`,
    content: { url: `${baseUrl.replace('{bucket}', bucket.name).replace(/\/+$/, '')}/${pathOf(key)}${version}` },
    filename: key,
    labels: [],
    publish: undefined,
    sha256: undefined,
    hints: {
      event: record.eventName,
      time: record.eventTime,
      bucket: bucket.name,
      key,
      etag: object.eTag,
      size: object.size,
    },
  }
}

/** `ObjectCreated:Put` of AWS and Ceph, `s3:ObjectCreated:Put` of MinIO. */
const isCreated = ({ eventName }: S3Record): boolean => /^(?:s3:)?ObjectCreated:/.test(eventName)

export const s3Events: Adapter = (payload, { baseUrl }): Adapted => {
  const parsed = parsePayload(Payload, payload)
  if (!('Records' in parsed)) return { key: JSON.stringify(['test', parsed.RequestId]), wishes: [] }
  const records = parsed.Records as S3Record[]
  if (baseUrl === undefined) throw refuse('conflict', 'The source has no base_url to fetch objects from.')
  return {
    // `sequencer` orders the changes of a key, and is the same where a notification is sent again.
    key: JSON.stringify(
      records.map(({ eventName, eventTime, s3: { bucket, object } }) => [
        ...[eventName, bucket.name, object.key],
        ...(object.sequencer === undefined ? [eventTime, object.eTag, object.versionId] : [object.sequencer]),
      ]),
    ),
    wishes: records.filter(isCreated).map(record => wishOf(record, baseUrl)),
  }
}
