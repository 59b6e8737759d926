/**
 * Three blocks, one reading. XMP stands before IPTC-IIM and that before EXIF, field by field: XMP is what programs write since
 * IIM was frozen (IPTC Photo Metadata Standard, which defines the same properties in both), and EXIF holds what a camera filled in
 * by itself. One rule of the Metadata Working Group's guidelines (2.0, 2010, 5.2) turns it round: where the digest that was noted of the
 * IIM does not fit it any more, somebody has written IIM alone since, and IIM stands first. Their preference of EXIF for description,
 * creator and copyright is not followed: these three in EXIF are ASCII, and defaults of cameras (`OLYMPUS DIGITAL CAMERA`).
 *
 * A field is taken whole from one block, so that no position is made of two.
 */
import { BLOCKS, type Block, type Blocks, type ReadBlocks, type Reading, type ReadingField } from '../model/reading.ts'
import { fieldsOfExif, fieldsOfIptc, fieldsOfXmp } from './fields.ts'
import { readIptc } from './iptc.ts'
import { readXmp } from './xmp.ts'

/** Raised when a reading of the same blocks comes out otherwise: what older code has read is read anew. */
export const NORMALISER = 1

/** Pure; the same blocks give the same reading. Never throws. */
export const normalise = ({ kept }: Pick<Blocks, 'kept'>): ReadBlocks => {
  const iptc = readIptc(kept.iptc)
  const said: Readonly<Record<Block, Reading>> = {
    exif: fieldsOfExif(kept.exif),
    iptc: fieldsOfIptc(iptc),
    xmp: fieldsOfXmp(readXmp(kept.xmp)),
  }
  const weakestFirst: readonly Block[] = iptc.fitsDigest ? BLOCKS : ['exif', 'xmp', 'iptc']
  const reading: Record<string, unknown> = {}
  const sources: Partial<Record<ReadingField, Block>> = {}
  for (const block of weakestFirst)
    for (const [field, value] of Object.entries(said[block])) {
      reading[field] = value
      sources[field as ReadingField] = block
    }
  return { reading: reading as Reading, sources }
}

/** An XMP of 1 MiB takes 70 to 170 ms, in which a gateway answers nobody; one of this size, 5 to 10. */
const AT_ONCE_BYTES = 65_536

/** What is read while an upload waits: what is more than a little is left to workers, and says until then that it is not read. */
export const readAtOnce = (
  blocks: Pick<Blocks, 'kept'>,
): { readonly read: ReadBlocks; readonly normaliser: number } => {
  const bytes = Object.values(blocks.kept).reduce((sum, block) => sum + block.byteLength, 0)
  return bytes <= AT_ONCE_BYTES
    ? { read: normalise(blocks), normaliser: NORMALISER }
    : { read: { reading: {}, sources: {} }, normaliser: 0 }
}
