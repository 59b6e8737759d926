/** The removal of an asset and of all that was made of it, in steps that outlive the request. */
export const ERASURE_STATES = ['UNBINDING', 'FORGETTING', 'DELETING', 'PRUNING', 'DONE'] as const
export type ErasureState = (typeof ERASURE_STATES)[number]

export interface Erasure {
  readonly id: string
  readonly tenant: string
  readonly asset: string
  /** `null`: all of them, and the asset. */
  readonly version: number | null
  readonly collection: string
  readonly owner: string
  readonly reason: string
  readonly state: ErasureState
  readonly requestedBy: string
  readonly correlationId: string
  readonly traceparent: string | null
  readonly requestedAt: Date
  /** The last moment at which a URL that was handed out before works, and one at which a cache may still have a copy. */
  readonly exposedUntil: Date
  readonly cachedUntil: Date
  readonly finishedAt: Date | null
}

/** `kept`: another asset of the tenant has the same bytes. */
export interface ErasedObject {
  readonly kind: 'original' | 'derivative'
  readonly sha256: string
  readonly bytes: number
  readonly state: 'NAMED' | 'DOOMED' | 'DELETED' | 'KEPT'
  readonly settledAt: Date | null
}
