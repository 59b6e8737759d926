/** Numbers, dates and places out of the texts of three standards. What does not read as one is none. */

/** `1/200`, `0.005`, `5`; bounded, so that what is stored and printed is a number that somebody could mean. */
export const numberOf = (value: unknown, { least = 0, most = 1e6 } = {}): number | undefined => {
  const [over, under = '1', ...more] = typeof value === 'string' ? value.trim().split('/') : [value]
  if (more.length > 0 || over === '' || under === '') return undefined
  const number = Number(over) / Number(under)
  if (!Number.isFinite(number) || number < least || number > most) return undefined
  return Number(number.toPrecision(8))
}

const DATE = /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}:\d{2})?)?)?)?$/

/** As exact as it is said (XMP, ISO 16684-1, 8.2.1.2). A date that no calendar has is none. */
export const dateOf = (text: string | undefined): string | undefined => {
  const found = DATE.exec(text?.trim() ?? '')
  if (!found) return undefined
  const [whole, year, month = '01', day = '01', time = '00:00'] = found
  const at = new Date(`${year}-${month}-${day}T${time.slice(0, 5)}:00Z`)
  const isReal = !Number.isNaN(at.getTime()) && at.getUTCDate() === Number(day) && Number(year) > 0
  return isReal ? whole : undefined
}

/** IIM: `20240501` and `123000+0200`, of which cameras fill what they do not know with zeros. */
export const iptcDate = (date: string | undefined, time: string | undefined): string | undefined => {
  const [, year, month, day] = /^(\d{4})(\d{2})(\d{2})$/.exec(date ?? '') ?? []
  if (year === undefined) return undefined
  if (month === '00') return dateOf(year)
  if (day === '00') return dateOf(`${year}-${month}`)
  const [, hour, minute, second, offset] = /^(\d{2})(\d{2})(\d{2})([+-]\d{4})?$/.exec(time ?? '') ?? []
  if (hour === undefined) return dateOf(`${year}-${month}-${day}`)
  const zone = offset ? `${offset.slice(0, 3)}:${offset.slice(3)}` : ''
  return dateOf(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`)
}

const bounded = (degrees: number, most: number): number | undefined =>
  Number.isFinite(degrees) && Math.abs(degrees) <= most ? Math.round(degrees * 1e7) / 1e7 : undefined

/** EXIF: degrees, minutes and seconds, and the half of the world. */
export const exifDegrees = (value: unknown, ref: unknown, most: number): number | undefined => {
  if (!Array.isArray(value) || value.length !== 3 || typeof ref !== 'string') return undefined
  const [degrees = 0, minutes = 0, seconds = 0] = value.map(Number)
  const sign = /^[SW]/i.test(ref) ? -1 : 1
  return bounded(sign * (degrees + minutes / 60 + seconds / 3600), most)
}

/** XMP: `48,51.5N` or `48,51,30N` (part 2, 1.2.7.4). */
export const xmpDegrees = (text: string | undefined, most: number): number | undefined => {
  const found = /^(\d{1,3}),(\d{1,2}(?:\.\d{1,12})?)(?:,(\d{1,2}(?:\.\d{1,12})?))?([NSEW])$/.exec(text?.trim() ?? '')
  if (!found) return undefined
  const [, degrees, minutes, seconds = '0', half = ''] = found
  const sign = half === 'S' || half === 'W' ? -1 : 1
  return bounded(sign * (Number(degrees) + Number(minutes) / 60 + Number(seconds) / 3600), most)
}
