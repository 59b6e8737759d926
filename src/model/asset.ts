import type { Attributes } from './attributes.ts'
import { type MatrixError, refuse } from './errors.ts'
import type { FocalPoints } from './focal.ts'
import type { AssetId, CollectionId, Hex, ProductId } from './ids.ts'
import type { LookState } from './look.ts'
import type { Schedule } from './schedule.ts'
import type { Source } from './source.ts'

export const VERSION_STATES = ['PENDING', 'PROCESSING', 'READY', 'ACTIVE', 'ARCHIVED', 'FAILED', 'PURGED'] as const
export type VersionState = (typeof VERSION_STATES)[number]

export const PUBLISH_POLICIES = ['when-ready', 'now', 'manual'] as const
export type PublishPolicy = (typeof PUBLISH_POLICIES)[number]

export interface Asset {
  readonly asset: AssetId
  readonly collection: CollectionId
  readonly owner: ProductId
  readonly alias: string | undefined
  /** Sorted. Grants and policies may be conditioned on them. */
  readonly labels: readonly string[]
  readonly attributes: Attributes
  readonly focal: FocalPoints | undefined
  readonly activeVersion: number | undefined
  /** Counts the moves of the pointer; 0 before the first publish. */
  readonly publication: number
  /** Counts the changes of labels and attributes. */
  readonly metadata: number
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly archivedAt: Date | undefined
  /** It may be had back for a while. What is deleted is archived too. */
  readonly deletedAt: Date | undefined
  /** For good; what is left is that it was. */
  readonly erasedAt: Date | undefined
  readonly schedule: Schedule
  /** Of the current version. */
  readonly look: LookState
}

export interface Version {
  readonly version: number
  readonly state: VersionState
  readonly sha256: Hex | undefined
  readonly filename: string | undefined
  readonly source: Source
  readonly failure: unknown
  readonly createdAt: Date
  readonly readyAt: Date | undefined
  readonly activatedAt: Date | undefined
  readonly look: LookState
}

export const ENTRY_STATUSES = ['PENDING', 'ACTIVE', 'ARCHIVED', 'DELETED', 'ERASED'] as const
export type EntryStatus = (typeof ENTRY_STATUSES)[number]

/** The words that users see for the life of an asset. */
export const entryStatus = ({
  archivedAt,
  deletedAt,
  erasedAt,
  activeVersion,
}: Pick<Asset, 'archivedAt' | 'deletedAt' | 'erasedAt' | 'activeVersion'>): EntryStatus => {
  if (erasedAt) return 'ERASED'
  if (deletedAt) return 'DELETED'
  if (archivedAt) return 'ARCHIVED'
  return activeVersion === undefined ? 'PENDING' : 'ACTIVE'
}

/** Its number stays, and nothing else. */
export const versionPurged = (version: number): MatrixError =>
  refuse('version-purged', `Version ${version} has been purged.`)

/** Never published: shown to nobody but those who may publish it. */
export const isDraft = (state: VersionState): boolean =>
  state === 'PENDING' || state === 'PROCESSING' || state === 'READY' || state === 'FAILED'

/** What is said of an asset that is shown to nobody, to those who may know of it; `undefined` of one that is there. */
export const whyGone = ({ archived, erased }: { archived: boolean; erased: boolean }): MatrixError | undefined => {
  if (erased) return refuse('asset-erased', 'The asset has been erased.')
  return archived ? refuse('asset-archived', 'The asset is archived.') : undefined
}
