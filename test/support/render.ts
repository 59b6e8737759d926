/** From bytes and what a user writes to derivatives, in this process: the road of a worker without its fences. */
import sharp from 'sharp'
import { ssim as compare } from 'ssim.js'
import { pinSeconds } from '../../src/graph/pin.ts'
import { planRendition } from '../../src/graph/plan.ts'
import { parseRecipe } from '../../src/graph/recipe.ts'
import { sha256Hex } from '../../src/lib/canonical.ts'
import type { Format, PlannedNode } from '../../src/model/recipe.ts'
import type { Rendered, TaskFailure } from '../../src/transform/decode-protocol.ts'
import { DEFAULT_INPUT_LIMITS } from '../../src/transform/limits.ts'
import { probeImage } from '../../src/transform/probe.ts'
import { runChains } from '../../src/transform/run-chain.ts'

const sourceOf = async (bytes: Buffer) => ({ sha256: sha256Hex(bytes), image: await probeImage(bytes, bytes.length) })

/** `second` is what `composite` lays on, whatever asset it names. */
export const planNodes = async (bytes: Buffer, recipes: readonly object[], second?: Buffer): Promise<PlannedNode[]> => {
  const source = await sourceOf(bytes)
  const pinned = second && (await sourceOf(second))
  const find = async () => pinned && { version: 1, second: { sha256: pinned.sha256, ...pinned.image } }
  const parsed = await Promise.all(recipes.map(recipe => pinSeconds(parseRecipe(recipe), find)))
  return parsed.flatMap(recipe =>
    planRendition(recipe, source).map(({ node, refusal }) => {
      if (!node) throw new Error(`Expected a node but received ${refusal?.code}`)
      return node
    }),
  )
}

/** Results and failures by the key of their node, in the order in which they came. */
export const execute = async (
  bytes: Buffer,
  nodes: readonly PlannedNode[],
  isDeferred: (node: PlannedNode) => boolean = () => false,
  second?: Buffer,
) => {
  const done = new Map<string, Rendered>()
  const failed = new Map<string, TaskFailure>()
  const { maxPixels } = DEFAULT_INPUT_LIMITS
  const tasks = nodes.map(node => ({ id: node.key, chain: node.chain, deferred: isDeferred(node) }))
  const seconds = second && { [sha256Hex(second)]: second }
  await runChains(
    { original: bytes, ...(seconds && { seconds }), maxPixels, softMs: 10_000, cpuMs: 60_000, tasks },
    report => {
      if (report.kind === 'done') done.set(report.result.id, report.result)
      if (report.kind === 'failed') for (const id of report.ids) failed.set(id, report.code)
    },
  )
  return { done, failed }
}

export const render = async (
  bytes: Buffer,
  recipe: object,
  format: Format = 'png',
  second?: Buffer,
): Promise<Buffer> => {
  const nodes = await planNodes(bytes, [{ ...recipe, formats: [format] }], second)
  const { done, failed } = await execute(bytes, nodes, undefined, second)
  const result = done.get(nodes[0]!.key)
  if (!result) throw new Error(`Expected a derivative but received ${[...failed.values()]}`)
  return result.bytes
}

export interface Decoded {
  readonly width: number
  readonly height: number
  readonly channels: number
  readonly at: (x: number, y: number) => number[]
  readonly data: Buffer
}

export const decode = async (bytes: Buffer): Promise<Decoded> => {
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  const at = (x: number, y: number): number[] => [
    ...data.subarray((y * width + x) * channels, (y * width + x + 1) * channels),
  ]
  return { width, height, channels, at, data }
}

/** Peak signal to noise in dB; Infinity for equal pixels. */
export const psnr = async (a: Buffer, b: Buffer): Promise<number> => {
  const [one, other] = await Promise.all([decode(a), decode(b)])
  if (one.data.length !== other.data.length) throw new Error('Expected pictures of one size')
  const squares = one.data.reduce((sum, value, index) => sum + (value - other.data[index]!) ** 2, 0)
  return 10 * Math.log10(255 ** 2 / (squares / one.data.length))
}

/** Structural similarity over every window of 11 pixels at full size; 1 for equal pictures. */
export const ssim = async (a: Buffer, b: Buffer): Promise<number> => {
  const rgba = async (bytes: Buffer) => {
    const { data, info } = await sharp(bytes).ensureAlpha().raw().toBuffer({ resolveWithObject: true })
    return { data: new Uint8ClampedArray(data), width: info.width, height: info.height }
  }
  return compare(await rgba(a), await rgba(b), { downsample: false, ssim: 'bezkrovny' }).mssim
}
