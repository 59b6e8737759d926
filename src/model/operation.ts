/** Work that outlives the request that asked for it. */
export const OPERATION_STATES = ['RUNNING', 'PAUSED', 'SUCCEEDED', 'PARTIAL', 'FAILED', 'CANCELLED'] as const
export type OperationState = (typeof OPERATION_STATES)[number]

/** A backfill: one revision of a rendition, for the versions that its collection had before. */
export interface OperationInput {
  readonly collection: string
  readonly product: string
  readonly rendition: string
  readonly revision: number
}

export interface Operation {
  readonly id: string
  readonly tenant: string
  readonly kind: 'backfill'
  readonly state: OperationState
  readonly input: OperationInput
  /** Versions: all, and those of the batches that are settled. */
  readonly total: number
  readonly done: number
  readonly failed: number
  readonly cpuMs: number
  /** Where the walk over the collection goes on. */
  readonly afterAsset: string | null
  /** Of the walk, from 1: it goes round until a round finds nothing. */
  readonly round: number
  /** Versions that this round has found without their leaves. */
  readonly found: number
  readonly steps: number
  readonly reason: string | null
  /** Of the request that began it. */
  readonly correlationId: string | null
  readonly traceparent: string | null
  readonly createdBy: string
  readonly createdAt: Date
  readonly runningSince: Date
  readonly settledBefore: number
  readonly finishedAt: Date | null
}
