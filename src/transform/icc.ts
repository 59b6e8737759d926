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
  if (tagText(view, 16) !== 'RGB ') return false
  const tags = readTags(view)
  // A table from device to connection space overrides the matrix and may say anything.
  if (tags.has('A2B0') || tags.has('A2B1')) return false
  const primaries = Object.entries(SRGB_PRIMARIES).every(([name, expected]) => {
    const at = tags.get(name)
    return at !== undefined && isPrimary(view, at, expected)
  })
  return (
    primaries &&
    ['rTRC', 'gTRC', 'bTRC'].every(name => {
      const at = tags.get(name)
      return at !== undefined && isSrgbCurve(readCurve(view, at))
    })
  )
}

/** Never throws: what cannot be read is not sRGB and goes through the converter. */
export const isSrgbProfile = (profile: Uint8Array): boolean => {
  try {
    return looksLikeSrgb(new DataView(profile.buffer, profile.byteOffset, profile.byteLength))
  } catch (error) {
    // An offset beyond the profile is the one thing that reading from a DataView can complain about.
    if (error instanceof RangeError) return false
    throw error
  }
}
