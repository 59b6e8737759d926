/**
 * Who may write which attribute. A path is the names from the root of the attributes to a value, joined by dots (`seo.title`);
 * `labels` is the path of the labels. A pattern is a path, which stands for it and for what is below it, or ends in `*`:
 * `seo.*` is what is below `seo`, `*` is everything.
 */
import { ATTRIBUTE_NAME, MAX_ATTRIBUTE_DEPTH } from '../model/attributes.ts'
import type { Principal } from '../model/principal.ts'
import type { Grant } from '../model/product.ts'

const NAME = ATTRIBUTE_NAME.source.slice(1, -1)
export const ATTRIBUTE_PATTERN = new RegExp(`^(?:\\*|${NAME}(?:\\.${NAME}){0,${MAX_ATTRIBUTE_DEPTH - 1}}(?:\\.\\*)?)$`)

/** A path and nothing else. */
export const ATTRIBUTE_PATH = new RegExp(`^${NAME}(?:\\.${NAME}){0,${MAX_ATTRIBUTE_DEPTH - 1}}$`)

const covers = (pattern: string, path: string): boolean =>
  pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern || path.startsWith(`${pattern}.`)

/** Of these paths, those that the principal may not write. An administrator and owners write all, readers none. */
export const forbiddenAttributes = (
  { scopes }: Pick<Principal, 'scopes'>,
  edge: Pick<Grant, 'role' | 'attributePaths'> | undefined,
  paths: readonly string[],
): readonly string[] => {
  if (scopes.includes('matrix:admin') || edge?.role === 'owner') return []
  if (edge?.role !== 'editor') return paths
  const { attributePaths: patterns } = edge
  return patterns === undefined ? [] : paths.filter(path => !patterns.some(pattern => covers(pattern, path)))
}
