/**
 * IPTC-IIM 4.2, by datasets: alone, or in the image resources that Photoshop puts around it (Photoshop File Formats, "Image
 * Resource Blocks"). What cannot be read ends what is read; nothing throws.
 */
import { createHash } from 'node:crypto'
import { decodeText } from './text.ts'

export interface Iptc {
  /** Values by `record:dataset`, such as `2:120`. */
  readonly values: ReadonlyMap<string, readonly string[]>
  /** False: somebody has written it after whoever noted its digest down, and so after the XMP beside it. */
  readonly fitsDigest: boolean
}

const IIM = 0x0404
const DIGEST = 0x0425
/** What any file needs; each is at most 32 KB. */
const MAX_DATASETS = 1_000
const MAX_RESOURCES = 500

const resourcesOf = (block: Buffer): ReadonlyMap<number, Buffer> => {
  const found = new Map<number, Buffer>()
  let at = block.indexOf('8BIM', 0, 'latin1')
  for (let n = 0; n < MAX_RESOURCES && at !== -1 && at + 12 <= block.length; n++) {
    if (block.toString('latin1', at, at + 4) !== '8BIM') break
    const id = block.readUInt16BE(at + 4)
    // A Pascal string and a body, each padded to an even length.
    const body = at + 6 + 2 * Math.floor((block.readUInt8(at + 6) + 2) / 2)
    if (body + 4 > block.length) break
    const length = block.readUInt32BE(body)
    if (!found.has(id)) found.set(id, block.subarray(body + 4, body + 4 + length))
    at = body + 4 + length + (length % 2)
  }
  return found
}

const datasetsOf = (iim: Buffer): ReadonlyMap<string, readonly Buffer[]> => {
  const found = new Map<string, Buffer[]>()
  for (let at = 0, n = 0; n < MAX_DATASETS && at + 5 <= iim.length && iim[at] === 0x1c; n++) {
    const name = `${iim[at + 1]}:${iim[at + 2]}`
    const length = iim.readUInt16BE(at + 3)
    // Longer than 32 KB would say its length otherwise, and is no text that anybody means.
    if (length >= 0x8000) break
    found.set(name, [...(found.get(name) ?? []), iim.subarray(at + 5, at + 5 + length)])
    at += 5 + length
  }
  return found
}

/** ISO 2022 for UTF-8, which IIM 1.90 takes. */
const UTF8 = '\x1b%G'

export const readIptc = (block: Uint8Array | undefined): Iptc => {
  const bytes = Buffer.from(block ?? [])
  const resources = resourcesOf(bytes)
  const iim = bytes[0] === 0x1c ? bytes : (resources.get(IIM) ?? Buffer.alloc(0))
  const datasets = datasetsOf(iim)
  const isUtf8 = datasets.get('1:90')?.[0]?.toString('latin1') === UTF8
  const values = [...datasets].map(([name, all]) => [
    name,
    all.map(value => (isUtf8 ? new TextDecoder().decode(value) : decodeText(value))),
  ])
  const digest = resources.get(DIGEST)
  const fitsDigest =
    digest?.length !== 16 || digest.every(byte => byte === 0) || createHash('md5').update(iim).digest().equals(digest)
  return { values: new Map(values as [string, string[]][]), fitsDigest }
}
