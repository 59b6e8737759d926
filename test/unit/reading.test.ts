/** Readings of blocks: which of the three is believed, and what strangers may write into them. */
import fc from 'fast-check'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { blocksOf } from '../../src/reading/blocks.ts'
import { readIccProfile } from '../../src/reading/icc-profile.ts'
import { normalise } from '../../src/reading/normalise.ts'
import { dateOf, exifDegrees, iptcDate, numberOf, xmpDegrees } from '../../src/reading/values.ts'
import { IIM_UTF8, iim, packet, photoshop } from '../support/blocks.ts'
import { tellingExif } from '../support/exif.ts'

const li = (...values: string[]): string => values.map(value => `<rdf:li>${value}</rdf:li>`).join('')
const alt = (value: string): string =>
  `<rdf:Alt><rdf:li xml:lang="de">Anders</rdf:li><rdf:li xml:lang="x-default">${value}</rdf:li></rdf:Alt>`
const read = (kept: Parameters<typeof normalise>[0]['kept']) => normalise({ kept })

const XMP = packet(
  `<dc:title>${alt('Title in XMP')}</dc:title><dc:creator><rdf:Seq>${li('Ada', 'Bo')}</rdf:Seq></dc:creator>` +
    `<dc:subject><rdf:Bag>${li('shoe', 'red', 'shoe')}</rdf:Bag></dc:subject><dc:rights>${alt('© XMP')}</dc:rights>` +
    '<photoshop:DateCreated>2024-05-01T12:30:00.25+02:00</photoshop:DateCreated><photoshop:City>Vienna</photoshop:City>' +
    '<xmpRights:WebStatement>https://example.org/rights</xmpRights:WebStatement>' +
    '<exif:GPSLatitude>48,12.5N</exif:GPSLatitude><exif:GPSLongitude>16,22,30W</exif:GPSLongitude>',
)
const IIM = iim([
  IIM_UTF8,
  [2, 5, 'Title in IPTC'],
  [2, 120, 'Überschrift – ein Schuh'],
  [2, 25, 'boot'],
  [2, 25, 'blue'],
  [2, 55, '20230102'],
  [2, 60, '030405+0100'],
])

describe('precedence', () => {
  test('XMP before IPTC before EXIF, field by field, and each says where it is from', () => {
    const { reading, sources } = read({ xmp: XMP, iptc: photoshop(IIM, 'fits'), exif: tellingExif() })
    expect(reading).toMatchObject({
      title: 'Title in XMP',
      creators: ['Ada', 'Bo'],
      keywords: ['shoe', 'red'],
      copyright: '© XMP',
      taken_at: '2024-05-01T12:30:00.25+02:00',
      description: 'Überschrift – ein Schuh',
      place: { city: 'Vienna' },
      position: { latitude: 48.2083333, longitude: -16.375 },
      camera: { make: 'Test Camera', model: 'Model X' },
      rights_url: 'https://example.org/rights',
    })
    expect(sources).toMatchObject({ title: 'xmp', description: 'iptc', camera: 'exif', position: 'xmp' })
  })

  test('IPTC that was written after its digest was noted is the newest', () => {
    const stale = read({ xmp: XMP, iptc: photoshop(IIM, 'stale'), exif: tellingExif() })
    expect(stale.reading).toMatchObject({
      title: 'Title in IPTC',
      keywords: ['boot', 'blue'],
      taken_at: '2023-01-02T03:04:05+01:00',
      copyright: '© XMP',
    })
    expect(read({ xmp: XMP, iptc: photoshop(IIM) }).reading.title).toBe('Title in XMP')
  })

  test('IPTC alone, without what Photoshop puts around it, and in Latin-1', () => {
    expect(read({ iptc: iim([[2, 105, Buffer.from('Caf\xe9', 'latin1')]]) }).reading).toEqual({ headline: 'Café' })
  })

  test('the same blocks give the same reading', () => {
    const kept = { xmp: XMP, iptc: photoshop(IIM), exif: tellingExif() }
    expect(read(kept)).toEqual(read(kept))
  })
})

describe('XMP of strangers', () => {
  const title = (front: string, value: string) =>
    read({ xmp: packet(`<dc:title>${alt(value)}</dc:title>`, front) }).reading.title

  test('expands no entities and opens nothing', () => {
    const bomb = `<!DOCTYPE x [<!ENTITY a "${'z'.repeat(1000)}"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>`
    expect(title(bomb, '&b;')).toBeUndefined()
    expect(title('<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>', '&f;')).toBeUndefined()
    expect(title('', 'A &amp; B')).toBe('A & B')
  })

  test('is read by namespaces, not by prefixes, in either spelling', () => {
    const xmp = Buffer.from(
      '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description xmlns:q="http://ns.adobe.com/photoshop/1.0/" q:Headline="Short"/>' +
        '<r:Description xmlns:dc="http://elsewhere.example/"><dc:title>No</dc:title></r:Description></r:RDF>',
    )
    expect(read({ xmp }).reading).toEqual({ headline: 'Short' })
  })

  test('deep nesting, half a packet and no XML at all say nothing', () => {
    const deep = packet(`<dc:title>${'<a>'.repeat(50_000)}${'</a>'.repeat(50_000)}</dc:title>`)
    for (const xmp of [deep, XMP.subarray(0, XMP.length / 2), Buffer.from('no'), Buffer.alloc(0)])
      expect(read({ xmp }).reading.title).toBeUndefined()
  })

  test('texts are cut, and control characters, marks and foreign links are left out', () => {
    const { reading } = read({
      xmp: packet(
        `<photoshop:Headline>${'x'.repeat(9_000)}</photoshop:Headline><photoshop:Credit>a\u202eb&#10;c</photoshop:Credit>` +
          '<xmpRights:WebStatement>javascript:alert(1)</xmpRights:WebStatement>' +
          `<dc:subject><rdf:Bag>${li(...Array.from({ length: 900 }, (_, n) => `k${n}`))}</rdf:Bag></dc:subject>`,
      ),
    })
    expect(reading.headline).toHaveLength(500)
    expect(reading.credit).toBe('a b c')
    expect(reading.rights_url).toBeUndefined()
    expect(reading.keywords).toHaveLength(100)
  })
})

test('the longest that can be said is within what is stored', () => {
  const long = '\u{1f600}'.repeat(9_000)
  const texts = [
    'photoshop:Headline',
    'photoshop:Credit',
    'photoshop:Source',
    'photoshop:City',
    'photoshop:State',
    'photoshop:Country',
    'Iptc4xmpCore:Location',
    'xmp:CreatorTool',
    'tiff:Make',
    'tiff:Model',
  ]
  const lists = Array.from({ length: 300 }, (_, n) => `${n}${long.slice(0, 300)}`)
  const { reading, sources } = read({
    xmp: packet(
      texts.map(name => `<${name}>${long}</${name}>`).join('') +
        ['dc:title', 'dc:description', 'dc:rights', 'xmpRights:UsageTerms']
          .map(name => `<${name}>${alt(long)}</${name}>`)
          .join('') +
        `<dc:subject><rdf:Bag>${li(...lists)}</rdf:Bag></dc:subject><dc:creator><rdf:Seq>${li(...lists)}</rdf:Seq></dc:creator>`,
    ),
  })
  expect(reading.keywords).toHaveLength(100)
  const bytes = Buffer.byteLength(JSON.stringify({ reading, sources }))
  expect(bytes).toBeGreaterThan(80_000)
  expect(bytes).toBeLessThan(131_072)
})

test('whatever the bytes are, nothing is thrown and nothing grows', () => {
  const bytes = fc.uint8Array({ maxLength: 400 })
  const cut = (from: Buffer) =>
    fc.tuple(fc.nat(from.length), fc.nat(255)).map(([at, byte]) => {
      const copy = Buffer.from(from)
      copy[at] = byte
      return copy.subarray(0, from.length - (byte % 3) * at)
    })
  fc.assert(
    fc.property(
      fc.record(
        {
          exif: fc.oneof(bytes, cut(tellingExif())),
          iptc: fc.oneof(bytes, cut(photoshop(IIM, 'fits'))),
          xmp: fc.oneof(bytes, cut(XMP)),
        },
        { requiredKeys: [] },
      ),
      kept => {
        const { reading, sources } = normalise({ kept })
        expect(Object.keys(reading).sort()).toEqual(Object.keys(sources).sort())
        expect(Buffer.byteLength(JSON.stringify(reading))).toBeLessThan(100_000)
      },
    ),
    { numRuns: 500 },
  )
})

describe('values', () => {
  test.each([
    ['2024', '2024'],
    ['2024-05', '2024-05'],
    ['2024-02-30', undefined],
    ['2024-05-01T12:30', '2024-05-01T12:30'],
    ['2024-05-01T25:00', undefined],
    ['yesterday', undefined],
    ['2024-05-01T12:30:00Z; drop', undefined],
  ])('date %s', (text, expected) => expect(dateOf(text)).toBe(expected))

  test('of IIM, as exact as it is said', () => {
    expect(iptcDate('20240501', undefined)).toBe('2024-05-01')
    expect(iptcDate('20240500', '120000+0000')).toBe('2024-05')
    expect(iptcDate('20240000', undefined)).toBe('2024')
    expect(iptcDate('20240501', '123456')).toBe('2024-05-01T12:34:56')
    expect(iptcDate('00000000', undefined)).toBeUndefined()
  })

  test('numbers and degrees', () => {
    expect(numberOf('1/200')).toBe(0.005)
    expect([numberOf('1/0'), numberOf('-3'), numberOf('1/2/3'), numberOf(''), numberOf(Number.NaN)]).toEqual(
      Array(5).fill(undefined),
    )
    expect(exifDegrees([48, 12, 30], 'S', 90)).toBe(-48.2083333)
    expect(exifDegrees([91, 0, 0], 'N', 90)).toBeUndefined()
    expect(exifDegrees([0, Number.NaN, 0], 'N', 90)).toBeUndefined()
    expect(xmpDegrees('181,0.0E', 180)).toBeUndefined()
  })
})

describe('blocks', () => {
  test('one that is too large is counted and not kept', () => {
    const { kept, sizes } = blocksOf({ exif: Buffer.alloc(1024 ** 2 + 1), xmp: XMP, iptc: Buffer.alloc(0) })
    expect(Object.keys(kept)).toEqual(['xmp'])
    expect(sizes).toEqual({ exif: 1024 ** 2 + 1, xmp: XMP.length })
  })

  test('a colour profile by its own name', async () => {
    const { icc } = await sharp(
      await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
        .withIccProfile('p3')
        .jpeg()
        .toBuffer(),
    ).metadata()
    expect(readIccProfile(icc)).toMatchObject({ space: 'RGB', bytes: icc?.length, name: expect.stringMatching(/P3/) })
    expect(readIccProfile(icc?.subarray(0, 100))).toEqual(undefined)
    expect(readIccProfile(Buffer.alloc(200))).toBeUndefined()
  })
})
