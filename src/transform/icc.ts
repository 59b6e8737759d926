/**
 * Is a profile sRGB by another name? Converting through one costs a third of the whole work and changes nothing, and most
 * camera files carry one. Decided by content (ICC.1:2022 sections 7 to 10): primaries and tone curves, never by name or
 * digest, of which there are dozens.
 */
const HEADER = 128
const ENTRY = 12

/** Primaries of sRGB adapted to D50 (IEC 61966-2-1 through the Bradford matrix). */
const SRGB_PRIMARIES = {
  rXYZ: [0.4361, 0.2225, 0.0139],
  gXYZ: [0.3851, 0.7169, 0.0971],
  bXYZ: [0.1431, 0.0606, 0.7141],
} as const
/** Profiles in circulation differ by rounding and adaptation, up to 0.0011; Display P3 differs by 0.08. */
const PRIMARY_TOLERANCE = 0.002
/** Half a level of 8 bits, measured where the eye sees it: after the curve is inverted. */
const CURVE_TOLERANCE = 0.5 / 255
const SAMPLES = 64

const toLinear = (x: number): number => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
const fromLinear = (y: number): number => (y <= 0.0031308 ? y * 12.92 : 1.055 * y ** (1 / 2.4) - 0.055)

const s15Fixed16 = (view: DataView, at: number): number => view.getInt32(at) / 65_536

const tagText = (view: DataView, at: number): string =>
  String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3))

const readTags = (view: DataView): Map<string, number> => {
  const count = Math.min(view.getUint32(HEADER), 100)
  const entries = Array.from({ length: count }, (_, index) => HEADER + 4 + index * ENTRY)
  return new Map(entries.map(at => [tagText(view, at), view.getUint32(at + 4)]))
}

const isPrimary = (view: DataView, at: number, expected: readonly number[]): boolean =>
  tagText(view, at) === 'XYZ ' &&
  expected.every((value, index) => Math.abs(s15Fixed16(view, at + 8 + 4 * index) - value) <= PRIMARY_TOLERANCE)

type Curve = (x: number) => number

/** `curv` (10.6): a gamma or a table. `para` (10.18): types 0 to 4; those with four parameters or more have a linear toe. */
const readCurve = (view: DataView, at: number): Curve | undefined => {
  const type = tagText(view, at)
  if (type === 'para') return readParametric(view, at)
  if (type !== 'curv') return undefined
  const count = view.getUint32(at + 8)
  if (count === 0) return x => x
  if (count === 1) return x => x ** (view.getUint16(at + 12) / 256)
  return x => {
    const low = Math.min(Math.floor(x * (count - 1)), count - 2)
    const part = x * (count - 1) - low
    const value = (index: number): number => view.getUint16(at + 12 + 2 * index) / 65_535
    return value(low) * (1 - part) + value(low + 1) * part
  }
}

const curveAt = (view: DataView, at: number | undefined): Curve | undefined =>
  at === undefined ? undefined : readCurve(view, at)

const readParametric = (view: DataView, at: number): Curve | undefined => {
  const p = (index: number): number => s15Fixed16(view, at + 12 + 4 * index)
  const kind = view.getUint16(at + 8)
  if (kind === 0) return x => x ** p(0)
  if (kind === 3) return x => (x >= p(4) ? (p(1) * x + p(2)) ** p(0) : p(3) * x)
  if (kind === 4) return x => (x >= p(4) ? (p(1) * x + p(2)) ** p(0) + p(5) : p(3) * x + p(6))
  return undefined
}

const isSrgbCurve = (curve: Curve | undefined): boolean =>
  curve !== undefined &&
  Array.from({ length: SAMPLES + 1 }, (_, index) => index / SAMPLES).every(
    x => Math.abs(fromLinear(curve(x)) - fromLinear(toLinear(x))) <= CURVE_TOLERANCE,
  )

const looksLikeSrgb = (view: DataView): boolean => {
  const tags = readTags(view)
  // Grey by the same curve: what sRGB says where the three are equal.
  if (tagText(view, 16) === 'GRAY') return isSrgbCurve(curveAt(view, tags.get('kTRC')))
  if (tagText(view, 16) !== 'RGB ') return false
  // A table from device to connection space overrides the matrix and may say anything.
  if (tags.has('A2B0') || tags.has('A2B1')) return false
  const primaries = Object.entries(SRGB_PRIMARIES).every(([name, expected]) => {
    const at = tags.get(name)
    return at !== undefined && isPrimary(view, at, expected)
  })
  return primaries && ['rTRC', 'gTRC', 'bTRC'].every(name => isSrgbCurve(curveAt(view, tags.get(name))))
}

const reading = <T>(profile: Uint8Array, read: (view: DataView) => T, otherwise: T): T => {
  try {
    return read(new DataView(profile.buffer, profile.byteOffset, profile.byteLength))
  } catch (error) {
    // An offset beyond the profile is the one thing that reading from a DataView can complain about.
    if (error instanceof RangeError) return otherwise
    throw error
  }
}

/** Never throws: what cannot be read is not sRGB and goes through the converter. */
export const isSrgbProfile = (profile: Uint8Array): boolean => reading(profile, looksLikeSrgb, false)

/** Where its XYZ and curves stand: all that a display's profile needs. */
const matrixTags = (view: DataView): readonly { name: string; at: number; bytes: number }[] | undefined => {
  if (tagText(view, 16) !== 'RGB ' || tagText(view, 20) !== 'XYZ ') return undefined
  const tags = readTags(view)
  if ([...tags.keys()].some(name => /^[AB]2[AB]\d|^D2B|^B2D/.test(name))) return undefined
  const found = MATRIX_TAGS.flatMap(name => {
    const at = tags.get(name)
    const bytes = at === undefined ? undefined : tagBytes(view, at, name)
    return at === undefined || bytes === undefined ? [] : [{ name, at, bytes }]
  })
  const needed = MATRIX_TAGS.slice(0, NEEDED_TAGS)
  return needed.every(name => found.some(tag => tag.name === name)) ? found : undefined
}

const MATRIX_TAGS = ['rXYZ', 'gXYZ', 'bXYZ', 'rTRC', 'gTRC', 'bTRC', 'wtpt', 'chad'] as const
/** The adaptation matrix is there in some only. */
const NEEDED_TAGS = 7
const MAX_CURVE_POINTS = 4096
/** Parameters of `para` by its type (10.18). */
const PARAMETERS = [1, 3, 4, 5, 7]

/** Length of a tag's data, read once to its end; `undefined` where it is not what its name asks for. */
const tagBytes = (view: DataView, at: number, name: string): number | undefined => {
  const type = tagText(view, at)
  const expected = name.endsWith('TRC') ? ['curv', 'para'] : name === 'chad' ? ['sf32'] : ['XYZ ']
  if (!expected.includes(type)) return undefined
  const points = type === 'curv' ? view.getUint32(at + 8) : 0
  const parameters = type === 'para' ? PARAMETERS[view.getUint16(at + 8)] : 0
  if (points > MAX_CURVE_POINTS || parameters === undefined) return undefined
  const bytes = { 'XYZ ': 20, sf32: 44, curv: 12 + 2 * points, para: 12 + 4 * parameters }[type] ?? 0
  view.getUint8(at + bytes - 1)
  return bytes
}

/** RGB by primaries and curves: it can be written anew and kept. Never throws. */
export const isMatrixProfile = (profile: Uint8Array): boolean => reading(profile, matrixTags, undefined) !== undefined

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1')
const u32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index)
  return bytes
}
/** Texts that the format insists on: `mluc` (10.15) since version 4, `desc` and `text` before. */
const localised = (text: string): Buffer =>
  Buffer.concat([
    ascii('mluc'),
    u32(0, 1, 12),
    ascii('enUS'),
    u32(2 * text.length, 28),
    Buffer.from(text, 'utf16le').swap16(),
  ])
const described = (text: string): Buffer =>
  Buffer.concat([ascii('desc'), u32(0, text.length + 1), ascii(`${text}\0`), Buffer.alloc(78)])
const plain = (text: string): Buffer => Buffer.concat([ascii('text'), u32(0), ascii(`${text}\0`)])

/** The numbers of a profile without the words of whoever made it, which come from strangers and may say anything. */
export const rewriteProfile = (profile: Uint8Array): Buffer | undefined => {
  const tags = reading(profile, matrixTags, undefined)
  if (!tags) return undefined
  const source = Buffer.from(profile.buffer, profile.byteOffset, profile.byteLength)
  const isNew = (source[8] ?? 0) >= 4
  const parts = [
    { name: 'desc', data: isNew ? localised('Kept') : described('Kept') },
    { name: 'cprt', data: isNew ? localised('None') : plain('None') },
    ...tags.map(({ name, at, bytes }) => ({ name, data: source.subarray(at, at + bytes) })),
  ].map(({ name, data }) => ({ name, data: Buffer.concat([data, Buffer.alloc(-data.length & 3)]), bytes: data.length }))
  let at = HEADER + 4 + ENTRY * parts.length
  const table = parts.map(({ name, data, bytes }) => {
    const entry = Buffer.concat([ascii(name), u32(at, bytes)])
    at += data.length
    return entry
  })
  const header = Buffer.alloc(HEADER)
  header.writeUInt32BE(at, 0)
  header.set([isNew ? 4 : 2, isNew ? 0x30 : 0x10], 8)
  header.set(ascii('mntrRGB XYZ '), 12)
  header.set(Buffer.from('07d00001000100000000000061637370', 'hex'), 24)
  // The white of the connection space, D50.
  header.set(u32(0xf6d6, 0x1_0000, 0xd32d), 68)
  return Buffer.concat([header, u32(parts.length), ...table, ...parts.map(({ data }) => data)])
}
