/**
 * The reference of a transform: one sharp pipeline from a file to bytes, on one thread, and nothing around it. A process of its
 * own that is asked by message, so that no other work is in its figures.
 */
import { readFile } from 'node:fs/promises'
import sharp, { type FormatEnum } from 'sharp'

export interface Ask {
  readonly file: string
  readonly width: number
  readonly format: keyof FormatEnum
  readonly options: object
}

export interface Answer {
  readonly bytes: Uint8Array
  readonly cpuMs: number
  readonly wallMs: number
}

sharp.concurrency(1)
sharp.cache(false)
process.on('message', async ({ file, width, format, options }: Ask) => {
  const startedAt = performance.now()
  const before = process.cpuUsage()
  const pipeline = sharp(await readFile(file))
    .autoOrient()
    .resize(width, undefined, { withoutEnlargement: true })
  const bytes = await pipeline.toFormat(format, options).toBuffer()
  const { user, system } = process.cpuUsage(before)
  const answer: Answer = { bytes, cpuMs: (user + system) / 1000, wallMs: performance.now() - startedAt }
  process.send?.(answer)
})
