import type { ByteRange } from '../objects/store.ts'

/**
 * One range of a representation (RFC 9110 section 14); `undefined`: send it whole; `'unsatisfiable'`: 416. Several ranges are
 * sent whole, which a server may always do: they cost what they are long, whatever they say.
 */
export const parseRange = (header: string | undefined, bytes: number): ByteRange | 'unsatisfiable' | undefined => {
  // "Range units are case-insensitive" (section 14.1).
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/i.exec(header?.trim() ?? '') ?? []
  if (from === '' && to === '') return undefined
  if (from === '') {
    const length = Number(to)
    return length === 0 || bytes === 0 ? 'unsatisfiable' : { first: Math.max(0, bytes - length), last: bytes - 1 }
  }
  const first = Number(from)
  const last = to === '' ? bytes - 1 : Math.min(Number(to), bytes - 1)
  if (to !== '' && Number(to) < first) return undefined
  return first >= bytes ? 'unsatisfiable' : { first, last }
}
