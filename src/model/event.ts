/** Facts that the system announces. The full name on the wire is `io.matrix.<type>.v1`. */
export const EVENT_TYPES = [
  'asset.created',
  'asset.version_created',
  'asset.version_ready',
  'asset.version_failed',
  'asset.version_purged',
  'asset.published',
  'asset.rolled_back',
  'asset.schedule_changed',
  'asset.publish_delayed',
  'asset.archived',
  'asset.deleted',
  'asset.restored',
  'asset.metadata_changed',
  'asset.aliases_changed',
  'asset.erased',
  'rendition.ready',
  'rendition.failed',
] as const
export type EventType = (typeof EVENT_TYPES)[number]

export interface Fact {
  readonly type: EventType
  readonly data: Readonly<Record<string, unknown>>
}

/** Who did it, and which request it belongs to. */
export interface Cause {
  readonly actor: string
  readonly correlationId: string
}
