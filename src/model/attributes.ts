/**
 * What people say of an asset beyond its bytes: labels, which grants and policies may be conditioned on, and attributes, JSON of
 * the products' own. Both are bounded, so that every reader may take them whole.
 */
import { canonicalText } from '../lib/canonical.ts'
import { isPlainObject } from '../lib/merge-patch.ts'
import type { Violation } from './errors.ts'

export type AttributeValue =
  | string
  | number
  | boolean
  | null
  | readonly AttributeValue[]
  | { readonly [name: string]: AttributeValue }

export type Attributes = { readonly [name: string]: AttributeValue }

export interface Metadata {
  /** Sorted, each once. */
  readonly labels: readonly string[]
  readonly attributes: Attributes
}

export const NOTHING_SAID: Metadata = { labels: [], attributes: {} }

/** As migration 0017 has it: no comma, no separator of ours. */
export const LABEL_PATTERN = /^[a-z0-9][a-z0-9._:/-]{0,62}$/
export const MAX_LABELS = 32

/** Names are joined by dots to paths, so they have none. */
export const ATTRIBUTE_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/
/** The path of the labels, where paths of attributes and of labels stand side by side. */
export const LABELS_PATH = 'labels'
export const MAX_ATTRIBUTE_DEPTH = 4
const MAX_VALUES = 256
const MAX_TEXT = 8_192
/** A page of 500 assets is then 8 MB at the very most. */
const MAX_BYTES = 16 * 1024

/** What Postgres does not hold in jsonb: NUL and halves of surrogate pairs. */
const UNSTORABLE = /[\0\p{Surrogate}]/u

type Found = (at: string, rule: string, message: string) => void

const leafViolation = (value: unknown): [rule: string, message: string] | undefined => {
  if (typeof value === 'string') {
    if (value.length > MAX_TEXT) return ['too_long', `Expected at most ${MAX_TEXT} characters.`]
    return UNSTORABLE.test(value) ? ['text', 'Expected text without NUL and lone surrogates.'] : undefined
  }
  // Postgres writes numbers out: 1e-300 is 300 characters there.
  if (typeof value === 'number' && !/^-?\d+(?:\.\d+)?$/.test(String(value)))
    return ['number', 'Expected a number that is written without an exponent.']
  return undefined
}

const visit = (value: unknown, { at, depth }: { at: string; depth: number }, found: Found): number => {
  if (typeof value !== 'object' || value === null) {
    const violation = leafViolation(value)
    if (violation) found(at, ...violation)
    return 1
  }
  if (depth === MAX_ATTRIBUTE_DEPTH) {
    found(at, 'too_deep', `Expected at most ${MAX_ATTRIBUTE_DEPTH} levels.`)
    return 1
  }
  let values = 1
  for (const [name, item] of Object.entries(value)) {
    const isNamed = Array.isArray(value) || (ATTRIBUTE_NAME.test(name) && !(depth === 0 && name === LABELS_PATH))
    if (!isNamed)
      found(at, 'name', 'Expected names of letters, digits, hyphens and underscores, at most 64; not `labels`.')
    else values += visit(item, { at: `${at}/${name}`, depth: depth + 1 }, found)
    if (values > MAX_VALUES) break
  }
  return values
}

/** What is wrong with attributes or a patch of them, at most ten things. Never deeper than the bound, whatever came. */
export const attributeViolations = (attributes: unknown): readonly Violation[] => {
  const violations: Violation[] = []
  const found: Found = (at, rule, message) =>
    violations.length < 10 && violations.push({ pointer: `/attributes${at}`, rule, message })
  const values = visit(attributes, { at: '', depth: 0 }, found)
  if (values > MAX_VALUES) found('', 'too_many', `Expected at most ${MAX_VALUES} values.`)
  if (violations.length === 0 && Buffer.byteLength(JSON.stringify(attributes)) > MAX_BYTES)
    found('', 'too_big', `Expected at most ${MAX_BYTES} bytes of JSON.`)
  return violations
}

/** What stands at the end of a path (`seo.title`); `null` is a value that is said to be none, and counts as one. */
export const valueAt = (attributes: Attributes, path: string): AttributeValue | undefined =>
  path
    .split('.')
    .reduce<AttributeValue | undefined>(
      (value, name) =>
        isPlainObject(value) && Object.hasOwn(value, name) ? (value[name] as AttributeValue) : undefined,
      attributes,
    )

const below = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

const leaves = (value: unknown, path: string): string[] => {
  const entries = isPlainObject(value) ? Object.entries(value) : []
  return entries.length === 0 ? [path] : entries.flatMap(([name, item]) => leaves(item, below(path, name)))
}

const changesBelow = (before: unknown, after: unknown, path: string): string[] => {
  if (isPlainObject(before) && isPlainObject(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)])
    return [...names].flatMap(name => changesBelow(before[name], after[name], below(path, name)))
  }
  if (before !== undefined && after !== undefined && canonicalText(before) === canonicalText(after)) return []
  return [before, after].flatMap(value => (value === undefined ? [] : leaves(value, path)))
}

/** Paths of the values that differ, each as deep as it goes: who takes `seo` away changes `seo.title` and all else in it. */
export const changedPaths = (before: Metadata, after: Metadata): readonly string[] => {
  const labels = before.labels.join() === after.labels.join() ? [] : [LABELS_PATH]
  return [...new Set([...labels, ...changesBelow(before.attributes, after.attributes, '')])].sort()
}
