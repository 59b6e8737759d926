/** What products do that share nothing: a pipeline of its own for every derivative. Prints what it cost and what it made. */
import { readFileSync } from 'node:fs'
import sharp, { type FormatEnum } from 'sharp'

interface Work {
  readonly files: readonly string[]
  readonly asks: readonly { readonly width: number; readonly format: keyof FormatEnum; readonly options: object }[]
}

const { files, asks } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Work
sharp.concurrency(1)
sharp.cache(false)
const photos = files.map(file => readFileSync(file))
const before = process.cpuUsage()
let bytes = 0
for (const photo of photos) {
  for (const { width, format, options } of asks) {
    const pipeline = sharp(photo).autoOrient().resize(width, undefined, { withoutEnlargement: true })
    bytes += (await pipeline.toFormat(format, options).toBuffer()).length
  }
}
const { user, system } = process.cpuUsage(before)
console.log(JSON.stringify({ cpuMs: (user + system) / 1000, bytes }))
