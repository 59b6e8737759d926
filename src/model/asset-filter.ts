/** What assets are asked for by, beside the collection: what one thing about them has to be, all of them together, and in which order. */
import { createHash } from 'node:crypto'
import type { VersionState } from './asset.ts'
import { isOfType } from './conditions.ts'

export const SORTS = ['created', '-created', 'updated', '-updated'] as const
export type Sort = (typeof SORTS)[number]
export const isDescending = (sort: Sort): boolean => sort.startsWith('-')
export const isByChange = (sort: Sort): boolean => sort.endsWith('updated')

/** A word of an asset (migrations/0046): from here, and less than that. */
export interface TextTerm {
  readonly path: string
  readonly from: string
  readonly below: string
}
export interface NumberTerm {
  readonly path: string
  readonly least: number
  readonly below: number
}
export type Term = TextTerm | NumberTerm
export const isOfNumbers = (term: Term): term is NumberTerm => 'least' in term

export const isOfTexts = (term: Term): term is TextTerm => 'from' in term

export interface Range {
  readonly min?: number | undefined
  readonly max?: number | undefined
}

export type SearchedState = 'PENDING' | 'ACTIVE' | 'ARCHIVED' | 'DRAFT'

export interface AssetFilter {
  /** One of these; `undefined`: any. */
  readonly states?: readonly SearchedState[] | undefined
  /** Every one of these. */
  readonly terms: readonly Term[]
  readonly owner?: string | undefined
  readonly mediaTypes?: readonly string[] | undefined
  readonly bytes: Range
  readonly width: Range
  readonly height: Range
  /** In milliseconds: later than, and earlier than. */
  readonly created: { readonly after?: number | undefined; readonly before?: number | undefined }
  readonly updated: { readonly after?: number | undefined; readonly before?: number | undefined }
}

/** What is looked at of an asset before it is read. */
export interface Candidate {
  readonly collection: string
  readonly asset: string
  readonly owner: string
  readonly state: Exclude<SearchedState, 'DRAFT'>
  /** Where it was asked for. */
  readonly hasDraft: boolean
  /** In microseconds. */
  readonly updated: number
  /** Of the version that is current, if any. */
  readonly mediaType: string | null
  readonly bytes: number | null
  readonly width: number | null
  readonly height: number | null
  /** It has every term. */
  readonly fits: boolean
}

/** Versions that make `DRAFT`. */
export const DRAFT_STATES: readonly VersionState[] = ['PENDING', 'PROCESSING', 'READY', 'FAILED']

const within = ({ min, max }: Range, value: number | null): boolean =>
  (min === undefined && max === undefined) || (value !== null && value >= (min ?? value) && value <= (max ?? value))

/** Ids are UUIDv7: when they were made is in them. */
export const madeAt = (asset: string): number => Number.parseInt(asset.slice(0, 8) + asset.slice(9, 13), 16)

const isBetween = (value: number, { after, before }: AssetFilter['created']): boolean =>
  (after === undefined || value > after) && (before === undefined || value < before)

/** By what it is beside its terms and its state. */
export const isAskedFor = (filter: AssetFilter, one: Candidate): boolean =>
  one.fits &&
  (filter.owner === undefined || one.owner === filter.owner) &&
  (filter.mediaTypes === undefined || (one.mediaType !== null && isOfType(one.mediaType, filter.mediaTypes))) &&
  within(filter.bytes, one.bytes) &&
  within(filter.width, one.width) &&
  within(filter.height, one.height) &&
  isBetween(madeAt(one.asset), filter.created) &&
  isBetween(one.updated / 1000, filter.updated)

/** What the caller has to be allowed to see it for its state; `undefined`: it is in none of those. */
export const asWhat = ({ states }: AssetFilter, one: Candidate): 'read' | 'publish' | undefined => {
  if (states === undefined || states.includes(one.state)) return 'read'
  return one.hasDraft && states.includes('DRAFT') ? 'publish' : undefined
}

/** Text has no NUL in Postgres, so nothing is between a text and this. */
const after = (text: string): string => `${text}\u0001`
const LAST = '\u{10ffff}'

/** Of numbers, in the order in which a machine has them. */
const nextUp = (value: number): number => {
  const view = new DataView(new ArrayBuffer(8))
  if (value === 0) return Number.MIN_VALUE
  view.setFloat64(0, value)
  view.setBigInt64(0, view.getBigInt64(0) + (value > 0 ? 1n : -1n))
  return view.getFloat64(0)
}

/** As `asset_terms` keeps them. */
const KEPT = 100
const spelled = (value: string | boolean | null): string => {
  if (value === null) return 'n'
  if (typeof value === 'boolean') return value ? 't' : 'f'
  const characters = [...value]
  const digest = characters.length > KEPT ? createHash('md5').update(value).digest('hex') : ''
  return `"${characters.slice(0, KEPT).join('')}${digest}`
}

export const exactly = (path: string, value: string): TextTerm => ({ path, from: value, below: after(value) })
export const beginningWith = (path: string, value: string): TextTerm => ({ path, from: value, below: value + LAST })

export const labelTerm = (label: string): Term => exactly('labels', label)
export const aliasTerm = (prefix: string): Term => beginningWith('@', prefix)
export const wordTerm = (word: string): Term => beginningWith('~', word)

export const COMPARISONS = ['=', '>=', '<=', '>', '<'] as const
export type Comparison = (typeof COMPARISONS)[number]

const ofNumber = (path: string, comparison: Comparison, value: number): NumberTerm => ({
  path,
  least: comparison === '>' ? nextUp(value) : comparison.startsWith('<') ? Number.NEGATIVE_INFINITY : value,
  below: comparison === '<' ? value : comparison.startsWith('>') ? Number.POSITIVE_INFINITY : nextUp(value),
})

/** Texts begin with `"`, and nothing else does. */
const ofText = (path: string, comparison: Comparison, value: string): TextTerm => ({
  path,
  from: comparison === '>' ? after(spelled(value)) : comparison.startsWith('<') ? '"' : spelled(value),
  below: comparison === '<' ? spelled(value) : comparison.startsWith('>') ? '#' : after(spelled(value)),
})

/** Of what stands at this path, or of one of the items there. `undefined`: these are not compared. */
export const attributeTerm = (path: string, comparison: Comparison, value: unknown): Term | undefined => {
  if (typeof value === 'number') return ofNumber(path, comparison, value)
  if (typeof value === 'string') return ofText(path, comparison, value)
  if (comparison === '=' && (value === null || typeof value === 'boolean')) return exactly(path, spelled(value))
  return undefined
}

export const existingTerm = (path: string): Term => ({ path, from: '', below: LAST })
