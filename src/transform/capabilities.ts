/**
 * What this build of the engine really does. Its own list says what it was built with, not what works: a codec may be missing at
 * run time or be blocked, so each format is written and read once, as small as can be.
 */
import sharp from 'sharp'
import { SOURCE_FORMATS, type SourceFormat } from '../model/original.ts'
import { FORMATS, type Format, MOVING } from '../model/recipe.ts'
import { applyEncode, encodeStep } from '../ops/encode.ts'

export interface EngineCapabilities {
  /** Of what is asked of it (SOURCE_FORMATS, FORMATS), what works. */
  readonly reads: readonly SourceFormat[]
  readonly writes: readonly Format[]
  /** The two that are published together; those of all codecs behind them would tell more to an attacker than to a client. */
  readonly versions: { readonly sharp: string; readonly libvips: string }
}

const SIDE = 8
const FRAMES = 2

const picture = (frames: number) =>
  sharp(Buffer.alloc(SIDE * SIDE * frames * 3, 120), {
    raw: { width: SIDE, height: SIDE * frames, channels: 3, ...(frames > 1 && { pageHeight: SIDE }) },
  })

const isOutput = (name: string): name is Format => FORMATS.some(format => format === name)

/** `undefined`: it does not work, whatever the engine says is the reason. */
const attempt = <T>(work: () => Promise<T>): Promise<T | undefined> => work().catch(() => undefined)

const write = (format: SourceFormat | Format): Promise<Buffer> => {
  if (!isOutput(format)) return picture(1).toFormat(format).toBuffer()
  const moves = MOVING.includes(format) ? FRAMES : 1
  return applyEncode(picture(moves), encodeStep(format, {}).params).toBuffer()
}

const read = async (bytes: Buffer): Promise<boolean> => {
  const { info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true })
  return info.width === SIDE && info.height === SIDE
}

/** Never rejects. */
export const probeEngine = async (): Promise<EngineCapabilities> => {
  const reads: SourceFormat[] = []
  const writes: Format[] = []
  for (const format of new Set([...SOURCE_FORMATS, ...FORMATS])) {
    const bytes = await attempt(() => write(format))
    if (bytes && isOutput(format)) writes.push(format)
    if (bytes && (await attempt(() => read(bytes)))) reads.push(format)
  }
  const { sharp: own = '', vips: libvips = '' } = sharp.versions
  return { reads, writes, versions: { sharp: own, libvips } }
}
