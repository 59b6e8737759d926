import type { Hex } from './ids.ts'
import type { LeafName } from './node.ts'

/** What decides the bytes of an engine beside our own code: versions of its libraries, and the architecture. */
export type EngineParts = Readonly<Record<string, string>>

export interface EngineBuild {
  readonly line: string
  readonly fingerprint: string
  readonly parts: EngineParts
  readonly seenAt: Date
  /** Null: no worker of it may work. */
  readonly registeredAt: Date | null
  readonly registeredBy: string | null
}

export const ROLLOUT_STATES = [
  'PLANNING',
  'COMPARING',
  'READY',
  'PROMOTING',
  'PROMOTED',
  'ROLLING_BACK',
  'ROLLED_BACK',
] as const
export type RolloutState = (typeof ROLLOUT_STATES)[number]

/** A migration of a share of the assets to what the running code plans. */
export interface Rollout {
  readonly tenant: string
  readonly id: string
  readonly engine: string
  /** Null: all. */
  readonly collection: string | null
  readonly share: number
  readonly state: RolloutState
  readonly afterAsset: string | null
  readonly assets: number
  readonly leaves: number
  readonly afterLeaf: number
  readonly moved: number
  readonly createdBy: string
  readonly createdAt: Date
  readonly movedBy: string | null
  readonly changedAt: Date
}

/** A leaf that would be planned otherwise now. Exactly one of `newNode` and `refusal` is there. */
export interface ChangedLeaf extends LeafName {
  readonly oldNode: Hex
  readonly newNode: Hex | undefined
  readonly refusal: string | undefined
}

export interface Difference {
  /** Mean structural similarity of the lightness: 1 for equal pictures; 0 where the sizes differ. */
  readonly ssim: number
  /** Of one channel of one pixel, 0 to 255. */
  readonly largest: number
}
