/** What is to become of an asset by itself, at a time. */
export interface ScheduledPublish {
  readonly version: number
  readonly at: Date
  /** Its time came and the version was not complete: it is published as soon as it is. */
  readonly waitingSince: Date | undefined
}

export interface Schedule {
  readonly publish: ScheduledPublish | undefined
  /** From then on the asset is archived. */
  readonly until: Date | undefined
}

/** Why a schedule is another one than before. */
export type ScheduleReason =
  | 'set'
  | 'deleted'
  | 'publish'
  | 'rollback'
  | 'auto'
  | 'archive'
  | 'delete'
  | 'erase'
  | 'gone'
