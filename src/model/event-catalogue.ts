/**
 * Every kind of event: what it says, in which stream it goes, and who hears of it. The full name on the wire is
 * `io.matrix.<type>.v1`, or that of a later major.
 */
import { z } from 'zod'
import { asset, digest, size, time, version } from './event-fields.ts'
import type { AssetAudience, EventKind } from './event-kind.ts'
import { NOTICES } from './notice-catalogue.ts'
import { blocking, VERSION_FAILED } from './version-failed.ts'

const operation = z.uuid()

const leaf = {
  asset,
  version,
  product: z.string(),
  rendition: z.string(),
  /** 0 of operations in a path, which nobody has named. */
  revision: z.int().nonnegative(),
  format: z.string(),
}
const counts = { required: size, done: size, dead: size }
const moved = {
  asset,
  version,
  previous_version: version.nullable(),
  publication: z.int().positive(),
  reason: z.string(),
  digest,
  scheduled_at: time.optional(),
}

export const EVENTS = {
  'asset.created': {
    stream: 'assets',
    mutation: 'CREATED',
    audience: 'readers',
    about: 'There is a new asset.',
    data: z.strictObject({
      asset,
      collection: z.string(),
      owner: z.string(),
      labels: z.array(z.string()).readonly().optional(),
      attributes: z.array(z.string()).readonly().optional(),
    }),
  },
  'asset.version_created': {
    stream: 'assets',
    mutation: 'UPDATED',
    audience: 'editors',
    about: 'It has new bytes, which nobody is shown yet.',
    data: z.strictObject({ asset, version, digest, bytes: size, media_type: z.string(), deduplicated: z.boolean() }),
  },
  'asset.version_ready': {
    stream: 'assets',
    mutation: 'UPDATED',
    audience: 'editors',
    about: 'A version is complete and may be published.',
    data: z.strictObject({ asset, version, digest }),
  },
  'asset.version_failed': {
    stream: 'assets',
    mutation: 'UPDATED',
    audience: 'editors',
    about: 'A version cannot be published as it is.',
    data: VERSION_FAILED.first,
    deprecated: { at: new Date('2026-11-22'), sunset: new Date('2027-11-22') },
    later: [VERSION_FAILED.second],
  },
  'asset.version_purged': {
    stream: 'assets',
    mutation: 'UPDATED',
    audience: 'editors',
    about: 'A version that is not current is gone for good.',
    data: z.strictObject({ asset, version, reason: z.string(), operation, max_exposure_until: time }),
  },
  'asset.published': {
    stream: 'assets',
    mutation: 'UPDATED',
    audience: 'readers',
    about: 'Another version is the current one, for all products at once.',
    data: z.strictObject(moved),
  },
  'asset.rolled_back': {
    stream: 'assets',
    mutation: 'UPDATED',
    audience: 'readers',
    about: 'An earlier version is the current one again.',
    data: z.strictObject(moved),
  },
  'asset.schedule_changed': {
    stream: 'assets',
    mutation: 'UPDATED',
    audience: 'editors',
    about: 'What is to become of it at a time is another thing than before.',
    data: z.strictObject({
      asset,
      reason: z.string(),
      publish: z.strictObject({ version, at: time }).optional(),
      until: time.optional(),
    }),
  },
  'asset.publish_delayed': {
    stream: 'assets',
    mutation: 'UPDATED',
    audience: 'editors',
    about: 'The time of a publish has come, and its version is not complete.',
    data: z.strictObject({ asset, version, at: time, state: z.string(), blocking: z.array(blocking).readonly() }),
  },
  'asset.archived': {
    stream: 'assets',
    mutation: 'UPDATED',
    audience: 'readers',
    about: 'It is shown to nobody any more, and may be again.',
    data: z.strictObject({ asset, reason: z.string().optional(), expires_at: time.optional() }),
  },
  'asset.deleted': {
    stream: 'assets',
    mutation: 'DELETED',
    audience: 'readers',
    about: 'It is shown to nobody any more, and erased after the grace.',
    data: z.strictObject({ asset }),
  },
  'asset.restored': {
    stream: 'assets',
    mutation: 'UPDATED',
    audience: 'readers',
    about: 'It is there again; or it is not to be erased any more, and archived as it was before it was deleted.',
    data: z.strictObject({ asset, archived: z.literal(true).optional() }),
  },
  'asset.metadata_changed': {
    stream: 'assets',
    mutation: 'UPDATED',
    audience: 'readers',
    about: 'Labels or attributes are others; which is said, and not to what.',
    data: z.strictObject({ asset, metadata: size.optional(), changed: z.array(z.string()).readonly() }),
  },
  'asset.aliases_changed': {
    stream: 'assets',
    mutation: 'UPDATED',
    audience: 'readers',
    about: 'Other systems call it by other names: in which namespaces, and not how.',
    data: z.strictObject({
      asset,
      added: z.array(z.string()).readonly().optional(),
      removed: z.array(z.string()).readonly().optional(),
    }),
  },
  'asset.erased': {
    stream: 'assets',
    mutation: 'DELETED',
    audience: 'readers',
    about: 'It is gone for good: copies have to go too.',
    data: z.strictObject({ asset, operation, max_exposure_until: time }),
  },
  'rendition.ready': {
    stream: 'renditions',
    mutation: 'UPDATED',
    audience: 'product',
    about: "A product's derivative is there.",
    data: z.strictObject({
      ...leaf,
      node: digest,
      digest,
      media_type: z.string(),
      width: z.int().positive(),
      height: z.int().positive(),
      bytes: size,
      reused: z.literal(true).optional(),
    }),
  },
  'rendition.failed': {
    stream: 'renditions',
    mutation: 'UPDATED',
    audience: 'product',
    about: "A product's derivative cannot be made.",
    data: z.strictObject({ ...leaf, node: digest, code: z.string() }),
  },
  'product.complete': {
    stream: 'renditions',
    mutation: 'UPDATED',
    audience: 'product',
    about: 'All that a product requires of a version is there.',
    data: z.strictObject({ asset, version, product: z.string(), ...counts }),
  },
  'product.degraded': {
    stream: 'renditions',
    mutation: 'UPDATED',
    audience: 'product',
    about: 'Something that a product requires of a version cannot be made.',
    data: z.strictObject({
      ...{ asset, version, product: z.string(), ...counts },
      failed: z
        .array(z.strictObject({ rendition: z.string(), format: z.string(), code: z.string().nullable() }))
        .readonly(),
    }),
  },
  ...NOTICES,
} as const satisfies Record<string, EventKind>

export type EventType = keyof typeof EVENTS
type Heard<By extends AssetAudience> = {
  [Type in EventType]: (typeof EVENTS)[Type]['audience'] extends By ? Type : never
}[EventType]
/** About an asset, which counts them. */
export type AssetEventType = Heard<AssetAudience>
export type NoticeType = Exclude<EventType, AssetEventType>
export const EVENT_TYPES = Object.keys(EVENTS) as EventType[]

/** As somebody asks for it: a type, which is its first major, or a later major of it. */
export type EventName = EventType | `${EventType}.v${number}`

/** As it is on the wire. */
export const wireType = (name: EventName): string => `io.matrix.${/\.v\d+$/.test(name) ? name : `${name}.v1`}`
