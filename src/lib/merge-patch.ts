/** RFC 7396: what is named is replaced, `null` takes away, objects are merged, anything else (arrays too) is taken whole. */

type Plain = { readonly [name: string]: unknown }

export const isPlainObject = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Neither argument is changed. The depth of the patch is that of the recursion: bound it before. */
export const mergePatch = (target: unknown, patch: unknown): unknown => {
  if (!isPlainObject(patch)) return patch
  const merged = new Map(Object.entries(isPlainObject(target) ? target : {}))
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name)
    else merged.set(name, mergePatch(merged.get(name), value))
  }
  return Object.fromEntries(merged)
}
