/** Blocks of a header that has been read: those that are not too large are kept as they are. */
import { BLOCKS, type Blocks, MAX_BLOCK_BYTES } from '../model/reading.ts'
import { readIccProfile } from './icc-profile.ts'

/** As a decoder hands them out. */
interface Header {
  readonly exif?: Buffer | undefined
  readonly iptc?: Buffer | undefined
  readonly xmp?: Buffer | undefined
  readonly icc?: Buffer | undefined
}

export const blocksOf = (header: Header): Blocks => {
  const found = BLOCKS.flatMap(name => {
    const block = header[name]
    return block === undefined || block.length === 0 ? [] : [{ name, block }]
  })
  const kept = found.filter(({ block }) => block.length <= MAX_BLOCK_BYTES)
  return {
    kept: Object.fromEntries(kept.map(({ name, block }) => [name, block])),
    sizes: Object.fromEntries(found.map(({ name, block }) => [name, block.length])),
    icc: readIccProfile(header.icc),
  }
}
