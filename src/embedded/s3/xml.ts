/** The little XML that S3 speaks: written from values, read by tag. */
export type XmlValue = string | number | boolean | readonly XmlValue[] | XmlFields | undefined
export interface XmlFields {
  readonly [tag: string]: XmlValue
}

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/'

/** An array repeats its tag; `undefined` is left out. */
export const xmlDocument = (root: string, fields: XmlFields): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="${NAMESPACE}">${fieldsToXml(fields)}</${root}>`

const fieldsToXml = (fields: XmlFields): string =>
  Object.entries(fields)
    .map(([tag, value]) => toXml(tag, value))
    .join('')

const toXml = (tag: string, value: XmlValue): string => {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.map(item => toXml(tag, item)).join('')
  const inner = typeof value === 'object' ? fieldsToXml(value as XmlFields) : escapeXml(String(value))
  return `<${tag}>${inner}</${tag}>`
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
}

const escapeXml = (text: string): string => text.replace(/[&<>"\r]/g, char => ESCAPES[char] ?? char)

/** The inner text of every `<tag>` of a document, as written. */
export const xmlElements = (xml: string, tag: string): string[] =>
  Array.from(xml.matchAll(new RegExp(`<${tag}(?:\\s[^>]*)?>([^]*?)</${tag}>`, 'g')), match => match[1] ?? '')

/** The first `<tag>`, unescaped. */
export const xmlText = (xml: string, tag: string): string | undefined => {
  const inner = xmlElements(xml, tag)[0]
  return inner === undefined ? undefined : unescapeXml(inner)
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

const unescapeXml = (text: string): string =>
  text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w+));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return NAMED[name] ?? whole
    const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole
  })
