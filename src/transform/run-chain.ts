/**
 * Many chains over one original. Every step ends in raw pixels, and the last ones in a file, whoever else asked: bytes depend
 * on the chain alone. (`sharp.clone()` would share no decoding.)
 *
 * The tree is walked depth first, so that only the pixels of one path exist at a time; a parent's are let go before its last
 * child is walked. What is deferred is encoded at the end.
 */
import sharp, { type Sharp } from 'sharp'
import { sha256Hex } from '../lib/canonical.ts'
import type { Step } from '../model/recipe.ts'
import { decodeFilm } from '../ops/decode.ts'
import { filmStep } from '../ops/film.ts'
import { lateParams, resolveLate } from '../ops/late.ts'
import type { Film, Render } from '../ops/pixels.ts'
import { type Branch, chainTree, type Leaf, shareDecoding } from './chain-tree.ts'
import type { Order, Report, TaskFailure } from './decode-protocol.ts'
import { type Encoded, encodeFilm } from './encode-film.ts'
import { drawLook, LOOK } from './look.ts'
import { openSeconds, type Seconds } from './seconds.ts'
import { StepFailure } from './step-failure.ts'

interface Walk {
  readonly order: Order
  readonly report: (report: Report) => void
  readonly seconds: Seconds
  /** CPU spent that no result has been charged with yet. */
  unchargedMs: number
  /** Encodings that come last. They hold their pixels: at most those of one claim, each within the output limits. */
  readonly deferred: (() => Promise<void>)[]
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

const render =
  (order: Order): Render =>
  async pipeline => {
    const { data, info } = await withTimeout(pipeline, order)
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    return { data, raw: { width: info.width, height: info.height, channels: info.channels } }
  }

/** A late step is resolved here, and may be refused, or come to several steps or to none. */
const runStep = async (step: Step, film: Film, { order, seconds }: Walk): Promise<Film> => {
  const asked = lateParams(step)
  const { steps, refusal } = asked ? resolveLate(step, asked, film) : { steps: [step] }
  if (refusal) throw new StepFailure(refusal.code)
  const within = patient(order)
  let now = film
  const draw: Render = pipeline => render(order)(within(pipeline))
  for (const resolved of steps) now = await filmStep(now, resolved, draw, await seconds.of(resolved, order, draw))
  return now
}

/** The limit of a step holds for all its pipelines together, of which a picture that moves and a search have many. */
const patient = ({ softMs }: Order): ((pipeline: Sharp) => Sharp) => {
  const endsAt = performance.now() + softMs
  return pipeline => {
    if (performance.now() >= endsAt) throw new StepFailure('timed-out')
    return pipeline
  }
}

const decode = (step: Step, order: Order): Promise<Film> =>
  decodeFilm(order.original, step.params, { maxPixels: order.maxPixels, render: render(order) })

const encode = async (steps: readonly Step[], film: Film, order: Order): Promise<Encoded> => {
  if (steps.at(-1)?.op === LOOK) {
    const [{ raw }] = film.frames
    return { data: drawLook(film.frames[0]), width: raw.width, height: raw.height }
  }
  const within = patient(order)
  const limit = (pipeline: Sharp): Sharp => withTimeout(within(pipeline), order)
  return encodeFilm({ film, steps, original: order.original, limit })
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

const finishLeaf = (walk: Walk, film: Film, { id, steps }: Leaf, pathMs: number): Promise<void> =>
  guarded(walk, [id], async () => {
    const { value, ms } = await timed(walk, { ids: [id], failure: 'decoder-crashed' }, () =>
      encode(steps, film, walk.order),
    )
    const { data: bytes, width, height } = value
    const cpuMs = walk.unchargedMs + ms
    walk.unchargedMs = 0
    const result = { id, bytes, sha256: sha256Hex(bytes), width, height, cpuMs, aloneCpuMs: pathMs + ms }
    walk.report({ kind: 'done', result })
  })

/** Takes the film out of `parent` when nobody else needs it. */
interface Parent {
  film: Film | undefined
  readonly pathMs: number
}

const walkBranch = (walk: Walk, branch: Branch, parent: Parent, isLast: boolean): Promise<void> =>
  guarded(walk, branch.ids, async () => {
    const { step, ids, branches, leaves } = branch
    const { film } = parent
    if (isLast) parent.film = undefined
    const { value, ms } = await timed(walk, { ids, failure: film ? 'decoder-crashed' : 'corrupt-media' }, () =>
      film ? runStep(step, film, walk) : decode(step, walk.order),
    )
    walk.unchargedMs += ms
    const here: Parent = { film: value, pathMs: parent.pathMs + ms }
    for (const leaf of leaves) {
      const finish = () => finishLeaf(walk, value, leaf, here.pathMs)
      if (leaf.deferred) walk.deferred.push(finish)
      else await finish()
    }
    for (const [index, child] of branches.entries()) {
      await walkBranch(walk, child, here, index === branches.length - 1)
    }
  })

/** Whether decoding and scaling may be done in two steps: neither 16 bits nor other colours are lost between them. */
const hasBytePixels = async ({ original, tasks }: Order): Promise<boolean> => {
  if (tasks.length < 2) return false
  const { depth, space } = await sharp(original)
    .metadata()
    .catch(() => ({ depth: undefined, space: undefined }))
  return depth === 'uchar' && space === 'srgb'
}

/**
 * Runs every task of an order and reports each exactly once, as `done` or as `failed`. Rejects only for mistakes of ours.
 * Equal chains give equal bytes, whatever other tasks are there and in whatever order. `seconds` may be kept from order to order.
 */
export const runChains = async (
  order: Order,
  report: (report: Report) => void,
  seconds: Seconds = openSeconds(),
): Promise<void> => {
  const walk: Walk = { order, report, seconds, unchargedMs: 0, deferred: [] }
  const roots = chainTree(order.tasks)
  for (const branch of (await hasBytePixels(order)) ? shareDecoding(roots) : roots) {
    await walkBranch(walk, branch, { film: undefined, pathMs: 0 }, true)
  }
  for (const finish of walk.deferred) await finish()
}
