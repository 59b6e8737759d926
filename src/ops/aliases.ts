/**
 * Renames short spellings before the schema looks. An alias beside its full name is left where it is, so that the strict
 * schema refuses it as an unknown key instead of one silently winning.
 */
export const foldAliases = (raw: unknown, aliases: Readonly<Record<string, string>> = {}): unknown => {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw
  const renamed = ([key, value]: [string, unknown]): [string, unknown] => {
    const full = Object.hasOwn(aliases, key) ? aliases[key] : undefined
    return [full !== undefined && !Object.hasOwn(raw, full) ? full : key, value]
  }
  return Object.fromEntries(Object.entries(raw).map(renamed))
}
