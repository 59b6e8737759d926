/**
 * What each encoder's settings cost and give: bytes, likeness to the pixels encoded and CPU, at a size that pages show. The defaults
 * of `src/ops/encode.ts` are read off this table.
 */
import sharp from 'sharp'
import { parseRecipe } from '../../src/graph/recipe.ts'
import type { Format } from '../../src/model/recipe.ts'
import { applyEncode, encodeStep } from '../../src/ops/encode.ts'
import { likeness } from '../../src/ops/likeness.ts'
import { openPixels, type Pixels } from '../../src/ops/pixels.ts'
import { execute, planNodes } from '../support/render.ts'
import type { Photo } from './photos.ts'
import { percent, type Row, ratio, type Table } from './report.ts'
import type { World } from './world.ts'

const WIDTH = 800
const ROUNDS = 3

type Settings = Readonly<Record<string, string | number | boolean>>

const SETTINGS: Readonly<Record<Format, readonly Settings[]>> = {
  jpeg: [
    {},
    { quality: 70 },
    { quality: 90 },
    { chroma: '4:4:4' },
    { progressive: true },
    { mozjpeg: true },
    { mozjpeg: true, quality: 75 },
  ],
  png: [{}, { compression: 1 }, { compression: 9 }, { palette: true }, { palette: true, colours: 16 }],
  webp: [
    {},
    ...[0, 1, 3, 4, 5, 6].map(effort => ({ effort })),
    { quality: 70 },
    { quality: 90 },
    { smartSubsample: true },
    { lossless: true },
    { nearLossless: true },
  ],
  avif: [
    {},
    ...[0, 1, 3, 4].map(effort => ({ effort })),
    { quality: 40 },
    { quality: 60 },
    { chroma: '4:4:4' },
    { bitdepth: 10 },
  ],
  gif: [{}, ...[1, 5, 7, 10].map(effort => ({ effort })), { dither: 0 }, { colours: 16 }],
}

const SEARCHES: readonly (Settings & { format: Format })[] = [
  { format: 'jpeg', targetQuality: 0.95 },
  { format: 'webp', targetQuality: 0.95 },
  { format: 'avif', targetQuality: 0.95 },
  { format: 'jpeg', maxBytes: 40_000 },
  { format: 'webp', maxBytes: 30_000 },
]

const shrink = async ({ bytes }: Photo): Promise<Pixels> => {
  const { data, info } = await sharp(bytes)
    .resize(WIDTH)
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
  return { data, raw: { width: info.width, height: info.height, channels: info.channels } }
}

const readPixels = async (bytes: Buffer): Promise<Pixels> => {
  const { data, info } = await sharp(bytes).toColourspace('srgb').raw().toBuffer({ resolveWithObject: true })
  return { data, raw: { width: info.width, height: info.height, channels: info.channels } }
}

interface Measured {
  readonly bytes: number
  readonly likeness: number
  readonly cpuMs: number
}

const mean = (all: readonly Measured[]): Measured => {
  const of = (value: (one: Measured) => number): number => all.reduce((sum, one) => sum + value(one), 0) / all.length
  return { bytes: of(one => one.bytes), likeness: of(one => one.likeness), cpuMs: of(one => one.cpuMs) }
}

/** The fastest of a few, so that a busy machine counts less. */
const measure = async (pixels: Pixels, format: Format, settings: Settings): Promise<Measured> => {
  const output = parseRecipe({ formats: [{ format, ...settings }] }).outputs[0]
  const { params } = encodeStep(format, output?.params ?? {})
  let best = Number.POSITIVE_INFINITY
  let encoded = Buffer.alloc(0)
  for (let round = 0; round < ROUNDS; round++) {
    const started = process.cpuUsage()
    encoded = await applyEncode(openPixels(pixels), params).toBuffer()
    const { user, system } = process.cpuUsage(started)
    best = Math.min(best, (user + system) / 1000)
  }
  return { bytes: encoded.length, likeness: likeness(pixels, await readPixels(encoded)), cpuMs: best }
}

const nameOf = (settings: object): string =>
  Object.entries(settings)
    .map(([key, value]) => (value === true ? key : `${key} ${value}`))
    .join(', ') || 'default'

const tableOf = async (format: Format, pictures: readonly Pixels[]): Promise<Table> => {
  const rows: Row[] = []
  let reference: Measured | undefined
  for (const settings of SETTINGS[format]) {
    const measured: Measured[] = []
    for (const pixels of pictures) measured.push(await measure(pixels, format, settings))
    const own = mean(measured)
    reference ??= own
    const kilobytes = (own.bytes / 1000).toFixed(1)
    const cost = [own.cpuMs.toFixed(1), ratio(own.cpuMs, reference.cpuMs)]
    rows.push([nameOf(settings), kilobytes, percent(own.bytes, reference.bytes), own.likeness.toFixed(4), ...cost])
  }
  return {
    title: `Encoder ${format}, ${pictures.length} pictures at ${WIDTH} px`,
    note: 'SSIM of the lightness against the pixels encoded; CPU of one thread, the fastest of three.',
    columns: ['settings', 'KB', 'of default', 'SSIM', 'CPU ms', 'of default'],
    rows,
  }
}

/** Whole chains, so that what a search costs is what a node is charged. */
const searches = async (photos: readonly Photo[]): Promise<Table> => {
  const rows: Row[] = []
  for (const { format, ...settings } of SEARCHES) {
    const sizes: number[] = []
    let [cpuMs, plainMs, refused] = [0, 0, 0]
    for (const { bytes } of photos) {
      const recipe = (own: Settings) => ({ resize: { width: WIDTH }, formats: [{ format, ...own }] })
      const [searched, plain] = await planNodes(bytes, [recipe(settings), recipe({})])
      if (!searched || !plain) throw new Error('Expected two nodes')
      plainMs += (await execute(bytes, [plain])).done.get(plain.key)?.aloneCpuMs ?? 0
      const result = (await execute(bytes, [searched])).done.get(searched.key)
      if (!result) refused++
      else sizes.push(result.bytes.length)
      cpuMs += result?.aloneCpuMs ?? 0
    }
    const kilobytes = [Math.min(...sizes), Math.max(...sizes)].map(size => (size / 1000).toFixed(1)).join(' to ')
    rows.push([`${format}, ${nameOf(settings)}`, kilobytes, ratio(cpuMs, plainMs), refused])
  }
  return {
    title: `Searches, ${photos.length} pictures at ${WIDTH} px`,
    note: 'From the file to the derivative, against the same at the default quality.',
    columns: ['settings', 'KB', 'CPU', 'refused'],
    rows,
  }
}

export const encoders = async (_world: World, photos: readonly Photo[]): Promise<readonly Table[]> => {
  sharp.concurrency(1)
  const pictures: Pixels[] = []
  for (const photo of photos) pictures.push(await shrink(photo))
  const tables: Table[] = []
  for (const format of Object.keys(SETTINGS) as Format[]) tables.push(await tableOf(format, pictures))
  return [...tables, await searches(photos)]
}
