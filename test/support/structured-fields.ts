/** Lists of strings with integer parameters, as strictly as RFC 9651 section 4.2 reads them. Throws for anything else. */
export const parseItems = (field: string): [string, Record<string, number>][] => {
  let rest = field
  const eat = (pattern: RegExp): string => {
    const [whole, value = ''] = new RegExp(`^(?:${pattern.source})`).exec(rest) ?? []
    if (whole === undefined) throw new Error(`Expected ${pattern} at ${JSON.stringify(rest)}`)
    rest = rest.slice(whole.length)
    return value
  }
  const items: [string, Record<string, number>][] = []
  while (rest !== '') {
    if (items.length > 0) eat(/[ \t]*,[ \t]*/)
    const name = eat(/"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/)
    const parameters: Record<string, number> = {}
    while (rest.startsWith(';')) {
      const key = eat(/; *([a-z*][a-z0-9_.*-]*)/)
      parameters[key] = Number(eat(/=(-?\d{1,15})(?![\d.])/))
    }
    items.push([name, parameters])
  }
  return items
}
