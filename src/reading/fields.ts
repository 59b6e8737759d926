/** What each of the three blocks says, field by field, in words of ours. */
import readExif from 'exif-reader'
import type { Exposure, Place, Position, Reading } from '../model/reading.ts'
import type { Iptc } from './iptc.ts'
import { cleanText, decodeText } from './text.ts'
import { dateOf, exifDegrees, iptcDate, numberOf, xmpDegrees } from './values.ts'
import type { Xmp } from './xmp.ts'

const LINE = 500
const LONG = 5_000
const WORD = 100
/** All texts at their longest, in four bytes a character, stay below what migration 0040 takes. */
const MAX_KEYWORDS = 100
const MAX_CREATORS = 20

type Written<T> = { -readonly [K in keyof T]?: T[K] | undefined }

/** Without what is not there; `undefined` where nothing is. */
const dense = <T extends object>(fields: Written<T>): T | undefined => {
  const said = Object.entries(fields).filter(([, value]) => value !== undefined)
  return said.length === 0 ? undefined : (Object.fromEntries(said) as T)
}

const list = (values: readonly string[] | undefined, most: number, length: number): readonly string[] | undefined => {
  const said = [...new Set((values ?? []).slice(0, 5 * most).flatMap(value => cleanText(value, length) ?? []))]
  return said.length === 0 ? undefined : said.slice(0, most)
}

const link = (text: string | undefined): string | undefined => {
  const url = cleanText(text ?? '', LINE)
  return url !== undefined && /^https?:\/\//i.test(url) && URL.canParse(url) ? url : undefined
}

export const fieldsOfXmp = (xmp: Xmp): Reading => {
  const one = (name: string, length = LINE) => cleanText(xmp.get(name)?.[0] ?? '', length)
  const number = (name: string, bounds = {}) => numberOf(xmp.get(name)?.[0], bounds)
  const height = number('exif:GPSAltitude')
  return (
    dense<Reading>({
      title: one('dc:title'),
      headline: one('photoshop:Headline'),
      description: one('dc:description', LONG),
      keywords: list(xmp.get('dc:subject'), MAX_KEYWORDS, WORD),
      creators: list(xmp.get('dc:creator'), MAX_CREATORS, WORD),
      credit: one('photoshop:Credit'),
      source: one('photoshop:Source'),
      copyright: one('dc:rights'),
      usage_terms: one('xmpRights:UsageTerms', LONG),
      rights_url: link(xmp.get('xmpRights:WebStatement')?.[0]),
      taken_at: dateOf(xmp.get('photoshop:DateCreated')?.[0]) ?? dateOf(xmp.get('exif:DateTimeOriginal')?.[0]),
      software: one('xmp:CreatorTool'),
      camera: dense({ make: one('tiff:Make', WORD), model: one('tiff:Model', WORD) }),
      lens: dense({
        make: one('exifEX:LensMake', WORD),
        model: one('exifEX:LensModel', WORD) ?? one('aux:Lens', WORD),
      }),
      exposure: dense<Exposure>({
        time: number('exif:ExposureTime'),
        f_number: number('exif:FNumber'),
        iso: number('exifEX:PhotographicSensitivity') ?? number('exif:ISOSpeedRatings'),
        focal_length: number('exif:FocalLength'),
        focal_length_35mm: number('exif:FocalLengthIn35mmFilm', { least: 1 }),
        bias: number('exif:ExposureBiasValue', { least: -100, most: 100 }),
      }),
      position: dense<Position>({
        latitude: xmpDegrees(xmp.get('exif:GPSLatitude')?.[0], 90),
        longitude: xmpDegrees(xmp.get('exif:GPSLongitude')?.[0], 180),
        altitude: height !== undefined && xmp.get('exif:GPSAltitudeRef')?.[0] === '1' ? -height : height,
      }),
      place: dense<Place>({
        sublocation: one('Iptc4xmpCore:Location'),
        city: one('photoshop:City'),
        region: one('photoshop:State'),
        country: one('photoshop:Country'),
        country_code: one('Iptc4xmpCore:CountryCode', 3),
      }),
    }) ?? {}
  )
}

/** By the datasets of IIM 4.2, record 2. */
export const fieldsOfIptc = ({ values }: Iptc): Reading => {
  const one = (name: string, length = LINE) => cleanText(values.get(name)?.[0] ?? '', length)
  return (
    dense<Reading>({
      title: one('2:5'),
      headline: one('2:105'),
      description: one('2:120', LONG),
      keywords: list(values.get('2:25'), MAX_KEYWORDS, WORD),
      creators: list(values.get('2:80'), MAX_CREATORS, WORD),
      credit: one('2:110'),
      source: one('2:115'),
      copyright: one('2:116'),
      taken_at: iptcDate(values.get('2:55')?.[0], values.get('2:60')?.[0]),
      software: one('2:65'),
      place: dense<Place>({
        sublocation: one('2:92'),
        city: one('2:90'),
        region: one('2:95'),
        country: one('2:101'),
        country_code: one('2:100', 3),
      }),
    }) ?? {}
  )
}

/** The clock of the camera, and where it says how far that is from UTC. */
const exifDate = (photo: Readonly<Record<string, unknown>>): string | undefined => {
  const { DateTimeOriginal: at, SubSecTimeOriginal: part, OffsetTimeOriginal: offset } = photo
  if (!(at instanceof Date) || Number.isNaN(at.getTime())) return undefined
  const seconds = at.toISOString().slice(0, 19)
  const fraction = typeof part === 'string' && /^\d{1,9}$/.test(part.trim()) ? `.${part.trim()}` : ''
  const zone = typeof offset === 'string' && /^[+-]\d{2}:\d{2}$/.test(offset.trim()) ? offset.trim() : ''
  return dateOf(`${seconds}${fraction}${zone}`)
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : value instanceof Uint8Array ? decodeText(value) : ''

const directoriesOf = (exif: Uint8Array) => {
  try {
    return readExif(Buffer.from(exif.buffer, exif.byteOffset, exif.byteLength))
  } catch {
    // Not EXIF, or none that can be read: it says nothing.
    return undefined
  }
}

export const fieldsOfExif = (exif: Uint8Array | undefined): Reading => {
  const read = exif && directoriesOf(exif)
  if (!read) return {}
  const [image, photo, place] = [read.Image, read.Photo, read.GPSInfo].map(
    directory => (directory ?? {}) as Readonly<Record<string, unknown>>,
  ) as [Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>]
  const line = (value: unknown, length = LINE) => cleanText(textOf(value), length)
  const height = numberOf(place.GPSAltitude)
  const below = place.GPSAltitudeRef === 1 || (place.GPSAltitudeRef as Uint8Array | undefined)?.[0] === 1
  const flash = numberOf(photo.Flash)
  return (
    dense<Reading>({
      description: line(image.ImageDescription, LONG),
      creators: list(line(image.Artist)?.split(/;\s*/), MAX_CREATORS, WORD),
      copyright: line(image.Copyright),
      taken_at: exifDate(photo),
      software: line(image.Software),
      camera: dense({ make: line(image.Make, WORD), model: line(image.Model, WORD) }),
      lens: dense({ make: line(photo.LensMake, WORD), model: line(photo.LensModel, WORD) }),
      exposure: dense<Exposure>({
        time: numberOf(photo.ExposureTime),
        f_number: numberOf(photo.FNumber),
        iso: numberOf([photo.ISOSpeedRatings].flat()[0]) ?? numberOf([photo.PhotographicSensitivity].flat()[0]),
        focal_length: numberOf(photo.FocalLength),
        focal_length_35mm: numberOf(photo.FocalLengthIn35mmFilm, { least: 1 }),
        bias: numberOf(photo.ExposureBiasValue, { least: -100, most: 100 }),
        flash: flash === undefined ? undefined : (flash & 1) === 1,
      }),
      position: dense<Position>({
        latitude: exifDegrees(place.GPSLatitude, place.GPSLatitudeRef, 90),
        longitude: exifDegrees(place.GPSLongitude, place.GPSLongitudeRef, 180),
        altitude: height !== undefined && below ? -height : height,
      }),
    }) ?? {}
  )
}
