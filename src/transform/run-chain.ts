/**
 * Many chains over one original. Every step ends in raw pixels, and the last ones in a file, whoever else asked: bytes depend
 * on the chain alone. (`sharp.clone()` would share no decoding.)
 *
 * The tree is walked depth first, so that only the pixels of one path exist at a time; a parent's are let go before its last
 * child is walked. What is deferred is encoded at the end.
 */
import type { Sharp } from 'sharp'
import { sha256Hex } from '../lib/canonical.ts'
import type { Format, Step } from '../model/recipe.ts'
import { openDecode } from '../ops/decode.ts'
import { lateParams, resolveLate } from '../ops/late.ts'
import { refuseOutput } from '../ops/limits.ts'
import { openPixels, type Pixels } from '../ops/pixels.ts'
import { applyStep } from '../ops/registry.ts'
import { type Branch, chainTree, type Leaf } from './chain-tree.ts'
import type { Order, Report, TaskFailure } from './decode-protocol.ts'

/** 4096 x 4096 uncompressed with alpha, and headers. */
const MAX_OUTPUT_BYTES = 4096 * 4096 * 4 + 64 * 1024

interface Walk {
  readonly order: Order
  readonly report: (report: Report) => void
  /** CPU spent that no result has been charged with yet. */
  unchargedMs: number
  /** Encodings that come last. They hold their pixels: at most those of one claim, each within the output limits. */
  readonly deferred: (() => Promise<void>)[]
}

class StepFailure extends Error {
  readonly code: TaskFailure
  constructor(code: TaskFailure, cause?: unknown) {
    super(code, { cause })
    this.code = code
  }
}

interface Timed<T> {
  readonly value: T
  readonly ms: number
}

/**
 * One step. The engine gives its reasons as text only, so the clock tells a time-out from a refusal: what fails after the
 * soft limit was stopped by it.
 */
const timed = async <T>(
  { order, report }: Walk,
  { ids, failure }: { ids: readonly string[]; failure: TaskFailure },
  make: () => Promise<T>,
): Promise<Timed<T>> => {
  report({ kind: 'started', ids })
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  try {
    const value = await make()
    const { user, system } = process.cpuUsage(cpu)
    return { value, ms: (user + system) / 1000 }
  } catch (cause) {
    if (cause instanceof StepFailure) throw cause
    throw new StepFailure(performance.now() - startedAt >= order.softMs ? 'timed-out' : failure, cause)
  }
}

const withTimeout = (pipeline: Sharp, { softMs }: Order): Sharp =>
  pipeline.timeout({ seconds: Math.ceil(softMs / 1000) })

const toPixels = async (pipeline: Sharp, order: Order): Promise<Pixels> => {
  const { data, info } = await withTimeout(pipeline, order)
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  return { data, raw: { width: info.width, height: info.height, channels: info.channels } }
}

/** A late step is resolved here, and may be refused, or come to several steps or to none. */
const runStep = async (step: Step, pixels: Pixels, order: Order): Promise<Pixels> => {
  const asked = lateParams(step)
  if (!asked) return toPixels(await applyStep(openPixels(pixels), step, pixels), order)
  const { steps, refusal } = resolveLate(step, asked, pixels)
  if (refusal) throw new StepFailure(refusal.code)
  let now = pixels
  for (const resolved of steps) now = await toPixels(await applyStep(openPixels(now), resolved, now), order)
  return now
}

/** Metadata and encoder, in one pipeline. */
const encode = async (steps: readonly Step[], pixels: Pixels, order: Order) => {
  const format = steps.at(-1)?.params.format as Format
  const refusal = refuseOutput(format, pixels.raw)
  if (refusal) throw new StepFailure(refusal.code)
  let pipeline = openPixels(pixels)
  for (const step of steps) pipeline = await applyStep(pipeline, step, pixels)
  return withTimeout(pipeline, order).toBuffer({ resolveWithObject: true })
}

/** A failure ends what depends on it and nothing else. */
const guarded = async (walk: Walk, ids: readonly string[], work: () => Promise<void>): Promise<void> => {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof StepFailure)) throw error
    walk.report({ kind: 'failed', ids, code: error.code })
  }
}

const finishLeaf = (walk: Walk, pixels: Pixels, { id, steps }: Leaf, pathMs: number): Promise<void> =>
  guarded(walk, [id], async () => {
    const { value, ms } = await timed(walk, { ids: [id], failure: 'decoder-crashed' }, () =>
      encode(steps, pixels, walk.order),
    )
    const { data: bytes, info } = value
    const cpuMs = walk.unchargedMs + ms
    walk.unchargedMs = 0
    if (bytes.length > MAX_OUTPUT_BYTES) return walk.report({ kind: 'failed', ids: [id], code: 'output-too-large' })
    const { width, height } = info
    const result = { id, bytes, sha256: sha256Hex(bytes), width, height, cpuMs, aloneCpuMs: pathMs + ms }
    walk.report({ kind: 'done', result })
  })

/** Takes the pixels out of `parent` when nobody else needs them. */
interface Parent {
  pixels: Pixels | undefined
  readonly pathMs: number
}

const walkBranch = (walk: Walk, branch: Branch, parent: Parent, isLast: boolean): Promise<void> =>
  guarded(walk, branch.ids, async () => {
    const { step, ids, branches, leaves } = branch
    const { pixels } = parent
    if (isLast) parent.pixels = undefined
    const { value, ms } = await timed(walk, { ids, failure: pixels ? 'decoder-crashed' : 'corrupt-media' }, () =>
      pixels
        ? runStep(step, pixels, walk.order)
        : toPixels(openDecode(walk.order.original, step.params, walk.order), walk.order),
    )
    walk.unchargedMs += ms
    const here: Parent = { pixels: value, pathMs: parent.pathMs + ms }
    for (const leaf of leaves) {
      const finish = () => finishLeaf(walk, value, leaf, here.pathMs)
      if (leaf.deferred) walk.deferred.push(finish)
      else await finish()
    }
    for (const [index, child] of branches.entries()) {
      await walkBranch(walk, child, here, index === branches.length - 1)
    }
  })

/**
 * Runs every task of an order and reports each exactly once, as `done` or as `failed`. Rejects only for mistakes of ours.
 * Equal chains give equal bytes, whatever other tasks are there and in whatever order.
 */
export const runChains = async (order: Order, report: (report: Report) => void): Promise<void> => {
  const walk: Walk = { order, report, unchargedMs: 0, deferred: [] }
  for (const branch of chainTree(order.tasks)) {
    await walkBranch(walk, branch, { pixels: undefined, pathMs: 0 }, true)
  }
  for (const finish of walk.deferred) await finish()
}
