/**
 * What the steps of the graph cost on this machine, measured the way they are run: pictures made on the spot, planned like any
 * other, through the decode processes of what nobody waits for. Some 4 s of CPU at low priority, once for each engine line and
 * class of machine, by the first worker that has had nothing to do for a while; again when somebody asks.
 */
import sharp, { type Sharp } from 'sharp'
import { type CostFactors, costFactors, DEFAULT_FACTORS, encodeFactor, type Factor } from '../graph/cost.ts'
import { planRendition } from '../graph/plan.ts'
import { parseRecipe } from '../graph/recipe.ts'
import { sha256Hex } from '../lib/canonical.ts'
import type { ImageFacts } from '../model/original.ts'
import type { PlannedNode } from '../model/recipe.ts'
import type { DecodePool } from './decode-pool.ts'

const SIZE = { width: 1200, height: 800 }
const PIXELS = (SIZE.width * SIZE.height) / 1e6
/** Half of each side: what is dear to encode is encoded at a quarter of the pixels. */
const HALF = { width: SIZE.width / 2, height: SIZE.height / 2 }

/** Soft shapes and sensor noise: costs an encoder what a photograph does. */
const paint = async () => {
  const noise = (size: { width: number; height: number }, sigma: number) => {
    const create = {
      ...size,
      channels: 3 as const,
      background: '#808080',
      noise: { type: 'gaussian' as const, mean: 128, sigma },
    }
    return sharp({ create })
  }
  const shapes = await noise({ width: SIZE.width / 50, height: SIZE.height / 50 }, 60)
    .png()
    .toBuffer()
  const grain = await noise(SIZE, 2).png({ compressionLevel: 0 }).toBuffer()
  const { data, info } = await sharp(shapes)
    .resize({ ...SIZE, fit: 'fill' })
    .composite([{ input: grain, blend: 'overlay' }])
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
  return () => sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } })
}

type Source = { readonly bytes: Buffer; readonly image: ImageFacts }

const sourceIn = async (
  picture: () => Sharp,
  { format, size = SIZE, icc = 'none' }: Pick<ImageFacts, 'format'> & { size?: typeof SIZE; icc?: ImageFacts['icc'] },
): Promise<Source> => {
  const pipeline = picture().extract({ left: 0, top: 0, ...size })
  if (icc === 'other') pipeline.withIccProfile('p3')
  const bytes = await pipeline.toFormat(format, { effort: format === 'webp' ? 0 : 1 }).toBuffer()
  const facts = { ...size, orientation: 1, frames: 1, hasAlpha: false, space: 'srgb', credit: {} }
  return { bytes, image: { ...facts, format, icc } }
}

interface Measured {
  readonly node: PlannedNode
  /** From the original's bytes to the pixels that are encoded, and encoding them. */
  readonly pathMs: number
  readonly encodeMs: number
}

/** Two qualities of every wish: the second is charged with nothing but its encoding. */
const measure = async (pool: DecodePool, { bytes, image }: Source, recipes: readonly object[]): Promise<Measured[]> => {
  const sha256 = sha256Hex(bytes)
  const plan = (recipe: object): PlannedNode[] =>
    planRendition(parseRecipe(recipe), { sha256, image }).flatMap(({ node }) => node ?? [])
  const nodes = recipes.flatMap(plan)
  const unique = [...new Map(nodes.map(node => [node.key, node])).values()]
  const outcomes = await pool.run({
    original: bytes,
    image,
    tasks: unique.map(({ key, chain }) => ({ id: key, chain })),
  })
  return unique.flatMap((node, index) => {
    const outcome = outcomes[index]
    return outcome?.ok ? [{ node, pathMs: outcome.aloneCpuMs - outcome.cpuMs, encodeMs: outcome.cpuMs }] : []
  })
}

const TWICE = ['jpeg', { format: 'jpeg', quality: 79 }].map(format => ({ formats: [format] }))
const twice = (recipe: object): object[] => TWICE.map(formats => ({ ...recipe, ...formats }))

/** The pixels of a chain are ready when the least of its leaves says so. */
const pathOf = (measured: readonly Measured[], lastStep: string): number | undefined => {
  const paths = measured.filter(({ node }) => node.chain.at(-2)?.op === lastStep).map(({ pathMs }) => pathMs)
  return paths.length === 0 ? undefined : Math.max(...paths)
}

const OPS: Readonly<Partial<Record<Factor, object>>> = {
  resize: { resize: HALF },
  rotate: { rotate: { angle: 90 } },
  'rotate by any angle': { rotate: { angle: 7 } },
  flip: { flip: 'horizontal' },
  'median 3': { median: 3 },
  median: { median: 5 },
  normalise: { normalise: {} },
  gamma: { gamma: 2 },
  modulate: { modulate: { brightness: 1.1 } },
  tint: { tint: '#704214' },
  grayscale: { grayscale: true },
  threshold: { threshold: {} },
  round: { round: 20 },
  crop: { crop: { left: 1, top: 1, width: SIZE.width - 2, height: SIZE.height - 2 } },
  pad: { pad: { top: 1 } },
  trim: { trim: {} },
}
/** So dear that a sixteenth of the pixels has to do. */
const SEARCHED_COLOURS: readonly object[] = [{ format: 'png', palette: true }, { format: 'gif' }]
const ENCODINGS: readonly object[] = [
  { format: 'jpeg', progressive: true },
  { format: 'jpeg', mozjpeg: true },
  { format: 'png' },
  ...[0, 1, 2, 3, 4, 5, 6].map(effort => ({ format: 'webp', effort })),
  { format: 'webp', lossless: true },
]

/** Each takes some 30 ms before the first pixel: at all pixels, or that would be taken for their price. */
const AVIF: readonly object[] = [0, 1, 2, 3].map(effort => ({ format: 'avif', effort }))

/** A clock that jumps and a neighbour that pushes are not to be believed beyond this. */
const MOST_OFF = 10

/** What was not measured is taken to be off as far as its likes. */
const complete = (found: ReadonlyMap<Factor, number>): CostFactors => {
  const offOf = (factor: Factor, ms: number): number =>
    Math.min(MOST_OFF, Math.max(1 / MOST_OFF, ms / DEFAULT_FACTORS[factor]))
  const usual = (start: string): number => {
    const likes = [...found].filter(([factor]) => factor.startsWith(start) && DEFAULT_FACTORS[factor] > 0)
    const offs = likes.map(([factor, ms]) => offOf(factor, ms)).sort((a, b) => a - b)
    return offs[Math.floor(offs.length / 2)] ?? 1
  }
  const [all, avif] = [usual(''), usual('encode avif')]
  const factors = (Object.keys(DEFAULT_FACTORS) as Factor[]).map(factor => {
    const ms = found.get(factor)
    const off = ms === undefined ? (factor.startsWith('encode avif') ? avif : all) : offOf(factor, ms)
    return [factor, Math.round(DEFAULT_FACTORS[factor] * off * 100) / 100]
  })
  return costFactors(Object.fromEntries(factors))
}

/** Milliseconds of CPU per megapixel of every step. Rejects when the pool is closed. */
export const calibrate = async (pool: DecodePool): Promise<CostFactors> => {
  const picture = await paint()
  const found = new Map<Factor, number>()
  const note = (factor: Factor, ms: number | undefined): void => {
    if (ms !== undefined && Number.isFinite(ms)) found.set(factor, ms)
  }
  const decoding = async (source: Source, recipe: object = {}): Promise<number> =>
    Math.max(...(await measure(pool, source, twice(recipe))).map(({ pathMs }) => pathMs))

  const jpeg = await sourceIn(picture, { format: 'jpeg' })
  await decoding(jpeg) // the first one pays for what is loaded
  const decodeMs = await decoding(jpeg)
  note('decode jpeg', decodeMs / PIXELS)
  // At this size the fixed part of a small result would be taken for the price of a megapixel.
  const scaled = DEFAULT_FACTORS['decode jpeg scaled'] / DEFAULT_FACTORS['decode jpeg']
  note('decode jpeg scaled', (decodeMs / PIXELS) * scaled)
  note('profile', ((await decoding(await sourceIn(picture, { format: 'jpeg', icc: 'other' }))) - decodeMs) / PIXELS)
  for (const format of ['png', 'webp', 'avif', 'tiff'] as const)
    note(`decode ${format}`, (await decoding(await sourceIn(picture, { format }))) / PIXELS)
  const gif = await sourceIn(picture, { format: 'gif', size: HALF }) // dear to make
  note('decode gif', (await decoding(gif)) / (PIXELS / 4))

  // A picture that need not be scaled while it is loaded: every operation starts from the same pixels.
  const tiff = await sourceIn(picture, { format: 'tiff' })
  const fullMs = await decoding(tiff)
  const stepMs = async (recipe: object): Promise<number | undefined> => {
    const [op = ''] = Object.keys(recipe)
    const path = pathOf(await measure(pool, tiff, twice(recipe)), op)
    return path === undefined ? undefined : (path - fullMs) / PIXELS
  }
  for (const [factor, recipe] of Object.entries(OPS)) note(factor as Factor, await stepMs(recipe))
  const ofSigma = { blur: (sigma: number) => sigma, sharpen: (sigma: number) => ({ sigma }) }
  for (const op of ['blur', 'sharpen'] as const) {
    const [slight, strong] = [await stepMs({ [op]: ofSigma[op](2) }), await stepMs({ [op]: ofSigma[op](8) })]
    if (slight === undefined || strong === undefined) continue
    const slope = (strong - slight) / 6
    note(`${op} by sigma`, slope)
    note(op, slight - 2 * slope)
  }

  const encodeAt = async (shrink: number, formats: readonly object[]): Promise<void> => {
    const resize = { width: SIZE.width / shrink, height: SIZE.height / shrink }
    const wishes = [...TWICE.flatMap(one => one.formats), ...formats].map(format => ({ resize, formats: [format] }))
    // The first one of the branch was charged with its pixels too.
    for (const { node, encodeMs } of (await measure(pool, tiff, wishes)).slice(1)) {
      note(encodeFactor(node.chain.at(-1)?.params ?? {}), (encodeMs * shrink ** 2) / PIXELS)
    }
  }
  await encodeAt(4, SEARCHED_COLOURS)
  await encodeAt(2, ENCODINGS)
  await encodeAt(1, AVIF)
  return complete(found)
}
