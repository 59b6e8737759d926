/**
 * CloudEvents 1.0 in structured mode, one or a batch: a DAM, a CMS or a script says where something new is, or brings it along.
 *
 *     { "specversion": "1.0", "id": "7", "source": "/dam", "type": "com.example.asset.updated", "subject": "sku-4711",
 *       "data": { "url": "https://dam.example/a.jpg", "filename": "a.jpg", "labels": ["red"] } }
 *
 * With `data_base64` and `datacontenttype: image/jpeg` the event has the bytes in itself. An event without either changes nothing.
 */
import { z } from 'zod'
import { PUBLISH_POLICIES } from '../../model/asset.ts'
import { type Attributes, attributeViolations, LABEL_PATTERN, MAX_LABELS } from '../../model/attributes.ts'
import { Aliases, IdentityHintsBody } from '../names-wire.ts'
import { type Adapted, type Adapter, parsePayload, VISIBLE, type Wish } from './adapter.ts'

const Word = z.string().min(1).max(500).regex(VISIBLE)
const Data = z.looseObject({
  url: z
    .string()
    .max(4096)
    .refine(text => URL.canParse(text), 'Expected a URL')
    .optional(),
  external_id: Word.optional(),
  filename: z.string().max(1024).optional(),
  labels: z.array(z.string().regex(LABEL_PATTERN)).max(MAX_LABELS).default([]),
  aliases: Aliases.optional(),
  identity_hints: IdentityHintsBody.optional(),
  publish: z.enum(PUBLISH_POLICIES).optional(),
  sha256: z
    .string()
    .regex(/^(?:sha256:)?[0-9a-f]{64}$/)
    .optional(),
  attributes: z.record(z.string(), z.unknown()).optional(),
})
const Event = z.looseObject({
  specversion: z.literal('1.0'),
  id: Word,
  source: Word,
  type: Word,
  subject: Word.optional(),
  time: z.string().max(64).optional(),
  datacontenttype: z.string().max(200).optional(),
  data: Data.optional(),
  data_base64: z.base64().optional(),
})
const Payload = z.union([Event, z.array(Event).min(1).max(100)])

const attributesOf = (said: object | undefined): Attributes | undefined =>
  said === undefined || attributeViolations(said).length > 0 ? undefined : (said as Attributes)

const wishOf = ({ data, data_base64, ...event }: z.infer<typeof Event>): Wish | undefined => {
  const content =
    data_base64 !== undefined
      ? { bytes: Buffer.from(data_base64, 'base64'), mediaType: event.datacontenttype }
      : data?.url !== undefined
        ? { url: data.url }
        : undefined
  if (content === undefined) return undefined
  const { id, source, type, time, subject } = event
  return {
    externalId: data?.external_id ?? subject,
    content,
    filename: data?.filename,
    labels: [...new Set(data?.labels ?? [])].sort(),
    attributes: attributesOf(data?.attributes),
    aliases: data?.aliases,
    identityHints: data?.identity_hints,
    publish: data?.publish,
    sha256: data?.sha256?.replace('sha256:', ''),
    hints: { id, source, type, subject, time, attributes: data?.attributes },
  }
}

/** An event is told from others by `source` and `id` together (CloudEvents 1.0 section 3.1). */
export const cloudEvents: Adapter = (payload): Adapted => {
  const events = [parsePayload(Payload, payload)].flat()
  return {
    key: JSON.stringify(events.map(({ source, id }) => [source, id])),
    wishes: events.map(wishOf).filter(wish => wish !== undefined),
  }
}
