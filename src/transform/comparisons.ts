/** Who compares old and new outputs, and when: a worker with nothing better to do; and for a picture, whoever is asked. */
import { repeat } from '../lib/repeat.ts'
import { claimPairs, giveBackPair, MOST_TRIES, type Output, type Pair, settlePair } from '../manifest/comparisons.ts'
import type { Database } from '../manifest/database.ts'
import type { Difference } from '../model/engine.ts'
import { refuse } from '../model/errors.ts'
import type { ObjectStore } from '../objects/store.ts'
import type { Log } from '../telemetry/log.ts'
import { COMPARE, readComparison } from './compare.ts'
import type { DecodePool, TaskOutcome } from './decode-pool.ts'
import { fetchVerified } from './fetch.ts'

export interface ComparisonDependencies {
  readonly database: Database
  readonly derivatives: ObjectStore
  /** The one of what nobody waits for. */
  readonly pool: DecodePool
  /** Pairs at once: both of each are held in memory. */
  readonly concurrency: number
  readonly everyMs: number
  readonly log: Log
}

export interface Comparisons {
  /** One round now: everything that both outputs are made of. */
  round(): Promise<void>
  stop(): Promise<void>
}

const EQUAL: Difference = { ssim: 1, largest: 0 }

type Both = Pair & { readonly old: Output; readonly new: Output }
const hasBoth = (pair: Pair): pair is Both => pair.old !== null && pair.new !== null

const run = async (
  { derivatives, pool }: Pick<ComparisonDependencies, 'derivatives' | 'pool'>,
  pair: Both,
  picture: boolean,
): Promise<TaskOutcome> => {
  const [original, against] = await Promise.all([
    fetchVerified(derivatives, pair.old, undefined),
    fetchVerified(derivatives, pair.new, undefined),
  ])
  const chain = [{ op: COMPARE, epoch: 1, params: { picture } }]
  const [width, height] = [Math.max(pair.old.width, pair.new.width), Math.max(pair.old.height, pair.new.height)]
  const [outcome] = await pool.run({
    original,
    seconds: { [pair.new.sha256]: against },
    image: { width, height },
    tasks: [{ id: pair.newNode, chain }],
  })
  if (!outcome) throw new Error(`The comparison with ${pair.newNode} has no outcome`)
  return outcome
}

const compare = async (deps: ComparisonDependencies, pair: Pair): Promise<void> => {
  const { database } = deps
  if (!hasBoth(pair)) return settlePair(database, pair, { failure: pair.failure ?? 'output-missing' })
  if (pair.old.sha256 === pair.new.sha256) return settlePair(database, pair, EQUAL)
  const outcome = await run(deps, pair, false)
  if (outcome.ok) return settlePair(database, pair, readComparison(outcome.bytes))
  if (!outcome.blamed) return giveBackPair(database, pair)
  if (!outcome.retryable || pair.tries >= MOST_TRIES) await settlePair(database, pair, { failure: outcome.code })
}

export const startComparisons = (deps: ComparisonDependencies): Comparisons => {
  const { database, pool, concurrency, everyMs, log } = deps
  let stopping = false

  const attempt = (pair: Pair): Promise<void> =>
    compare(deps, pair).catch(async error => {
      log.warn({ err: error, node: pair.newNode }, 'outputs not compared')
      await giveBackPair(database, pair) // the store or the manifest was in the way, not the pictures
    })
  const round = async (): Promise<void> => {
    while (!stopping && pool.stats().waiting === 0) {
      const pairs = await claimPairs(database, concurrency)
      if (pairs.length === 0) return
      await Promise.all(pairs.map(attempt))
    }
  }
  const rounds = repeat(round, { everyMs, onError: error => log.warn({ err: error }, 'comparisons') })

  return {
    round: rounds.once,
    stop() {
      stopping = true
      return rounds.stop()
    },
  }
}

/** Old, new and where they differ, as a PNG. Throws `not-ready` while one of them is missing. */
export const openComparisonPicture =
  (deps: Pick<ComparisonDependencies, 'derivatives' | 'pool'>) =>
  async (pair: Pair): Promise<Buffer> => {
    if (!hasBoth(pair)) throw refuse('not-ready', 'One of the two outputs is not there.', { retryAfterSeconds: 1 })
    const outcome = await run(deps, pair, true)
    if (!outcome.ok)
      throw refuse('rendition-failed', 'The outputs cannot be compared.', { details: { code: outcome.code } })
    return readComparison(outcome.bytes).picture
  }
