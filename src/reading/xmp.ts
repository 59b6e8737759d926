/**
 * XMP (ISO 16684-1): values by property, as `prefix:name` with the usual prefix of its namespace, whatever the file calls it. The
 * parser knows the five entities of XML, reads no document type and opens nothing, so there is nothing that grows.
 */
import { parseXml, XmlElement } from '@rgrove/parse-xml'

export type Xmp = ReadonlyMap<string, readonly string[]>

const RDF = 'http://www.w3.org/1999/02/22-rdf-syntax-ns#'
const XML = 'http://www.w3.org/XML/1998/namespace'
const PREFIXES: Readonly<Record<string, string>> = {
  'http://purl.org/dc/elements/1.1/': 'dc',
  'http://ns.adobe.com/photoshop/1.0/': 'photoshop',
  'http://ns.adobe.com/xap/1.0/': 'xmp',
  'http://ns.adobe.com/xap/1.0/rights/': 'xmpRights',
  'http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/': 'Iptc4xmpCore',
  'http://ns.adobe.com/tiff/1.0/': 'tiff',
  'http://ns.adobe.com/exif/1.0/': 'exif',
  'http://cipa.jp/exif/1.0/': 'exifEX',
  'http://ns.adobe.com/exif/1.0/aux/': 'aux',
}

type Scope = Readonly<Record<string, string>>

const scopeOf = ({ attributes }: XmlElement, outer: Scope): Scope => {
  const own = Object.entries(attributes).flatMap(([name, value]) =>
    name === 'xmlns' ? [['', value]] : name.startsWith('xmlns:') ? [[name.slice(6), value]] : [],
  )
  return own.length === 0 ? outer : { ...outer, ...Object.fromEntries(own) }
}

/** The namespace and the name behind its prefix. */
const expand = (name: string, scope: Scope): readonly [namespace: string, local: string] => {
  const at = name.indexOf(':')
  return [scope[name.slice(0, Math.max(0, at))] ?? '', name.slice(at + 1)]
}
const isRdf = (element: XmlElement, scope: Scope, ...names: string[]): boolean => {
  const [namespace, local] = expand(element.name, scopeOf(element, scope))
  return namespace === RDF && names.includes(local)
}

const elementsOf = ({ children }: XmlElement): XmlElement[] =>
  children.filter((child): child is XmlElement => child instanceof XmlElement)

const languageOf = ({ attributes }: XmlElement): string | undefined => attributes['xml:lang']

/** A text, or those of a list; of one text in several languages the default, which is the first where none says so. */
const valuesOf = (property: XmlElement, scope: Scope): readonly string[] => {
  const inner = scopeOf(property, scope)
  const list = elementsOf(property).find(child => isRdf(child, inner, 'Alt', 'Bag', 'Seq'))
  if (!list) {
    const resource = Object.entries(property.attributes).find(
      ([name]) => expand(name, inner).join('') === `${RDF}resource`,
    )
    return elementsOf(property).length > 0 ? [] : [resource?.[1] ?? property.text]
  }
  const within = scopeOf(list, inner)
  const items = elementsOf(list).filter(child => isRdf(child, within, 'li'))
  if (!isRdf(list, inner, 'Alt')) return items.map(({ text }) => text)
  const chosen = items.find(item => languageOf(item) === 'x-default') ?? items[0]
  return chosen ? [chosen.text] : []
}

const propertiesOf = (description: XmlElement, outer: Scope): [string, readonly string[]][] => {
  const scope = scopeOf(description, outer)
  const named = (name: string, inner: Scope): string | undefined => {
    const [namespace, local] = expand(name, inner)
    const prefix = PREFIXES[namespace]
    return prefix && `${prefix}:${local}`
  }
  const short = Object.entries(description.attributes).map(([name, value]) => [named(name, scope), [value]])
  const long = elementsOf(description).map(child => [named(child.name, scopeOf(child, scope)), valuesOf(child, scope)])
  return [...short, ...long].filter((entry): entry is [string, readonly string[]] => entry[0] !== undefined)
}

/** The first `rdf:RDF`, at its usual place or one below. */
const rdfOf = (root: XmlElement, scope: Scope): { rdf: XmlElement; scope: Scope } | undefined => {
  if (isRdf(root, scope, 'RDF')) return { rdf: root, scope }
  const inner = scopeOf(root, scope)
  const rdf = elementsOf(root).find(child => isRdf(child, inner, 'RDF'))
  return rdf && { rdf, scope: inner }
}

const decode = (block: Uint8Array): string => {
  const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength)
  const label = bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : bytes[0] === 0xff ? 'utf-16le' : 'utf-8'
  // Packets are padded, some with NUL.
  return new TextDecoder(label).decode(bytes).replaceAll('\0', '').trim()
}

/** XMP that cannot be read says nothing. */
export const readXmp = (block: Uint8Array | undefined): Xmp => {
  if (!block) return new Map()
  try {
    const { root } = parseXml(decode(block))
    const found = root && rdfOf(root, { xml: XML })
    if (!found) return new Map()
    const scope = scopeOf(found.rdf, found.scope)
    const descriptions = elementsOf(found.rdf).filter(child => isRdf(child, scope, 'Description'))
    // What is said twice was said by who wrote it first.
    return new Map(descriptions.flatMap(child => propertiesOf(child, scope)).reverse())
  } catch {
    return new Map()
  }
}
