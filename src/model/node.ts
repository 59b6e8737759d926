import type { Hex, TenantId } from './ids.ts'
import type { Format, Step } from './recipe.ts'

export const NODE_STATES = ['PLANNED', 'QUEUED', 'RUNNING', 'RETRY', 'DONE', 'DEAD', 'EVICTED'] as const
export type NodeState = (typeof NODE_STATES)[number]

/** Why a node has no output. Codes are stable; decoder text never gets here. */
export interface NodeFailure {
  readonly code: string
  readonly at: string
  readonly attempts: number
}

/** A node in the hands of a worker, until `leaseUntil`. Every effect names the fence; a stale one changes nothing. */
export interface ClaimedNode {
  readonly tenant: TenantId
  readonly key: Hex
  readonly original: Hex
  readonly chain: readonly Step[]
  readonly format: Format
  readonly fence: number
  /** Lower is more urgent. */
  readonly priority: number
  readonly attempts: number
  readonly crashes: number
  /** Of the request that had it made, where there was one. */
  readonly traceparent: string | null
  readonly queuedAt: Date
}

export interface Derivative {
  readonly sha256: Hex
  readonly bytes: number
  readonly mediaType: string
  readonly width: number
  readonly height: number
  readonly objectKey: string
}

/** Names a leaf: one format of one product's rendition of one version. */
export interface LeafName {
  readonly asset: string
  readonly version: number
  readonly product: string
  readonly rendition: string
  readonly revision: number
  readonly format: string
}
