/** Quarantined nodes, tried again: for when what killed them is mended (a store, a limit, a decoder), in bounded steps. */
import type { Database, Sql } from '../manifest/database.ts'
import { countFitting, type DeadFilter, redriveBatch } from '../manifest/dead-letters.ts'
import { serverClock } from '../manifest/invariants.ts'
import type { Cause } from '../model/event.ts'
import type { Hex } from '../model/ids.ts'
import { LANES, type Lane } from '../queue/queue.ts'

export interface RedriveDependencies {
  readonly database: Database
  /** Never rejects: a hint that is lost costs time only. */
  readonly hint: (tenant: string, original: Hex, lane: Lane) => Promise<void>
}

export interface Redriven {
  readonly redriven: number
  /** Nodes that fit as well and had to wait: repeat the request with this `before`. */
  readonly remaining: number
  /** Only nodes that died before are let out, so that repeating ends although some die again. */
  readonly before: Date | undefined
}

/** A transaction's worth: locks on so many nodes and their assets are held for some ten milliseconds. */
const BATCH = 100
/** What one request does before it answers. */
const MOST = 1_000

/** Nodes that are named are let out whenever they died; others only when they were dead at the time of the request. */
export const redriveNodes = async (
  { database, hint }: RedriveDependencies,
  wish: DeadFilter,
  cause: Cause,
  record: (tx: Sql, redriven: number) => Promise<void>,
): Promise<Redriven> => {
  const before = wish.keys && !wish.before ? undefined : await notAfterNow(database, wish.before)
  const filter = { ...wish, before }
  let redriven = 0
  while (redriven < MOST) {
    const nodes = await redriveBatch(database, filter, {
      limit: BATCH,
      cause,
      // A wish that finds nothing is recorded too, and the empty end of one that found something is not.
      record: async (tx, { length }) => {
        if (length > 0 || redriven === 0) await record(tx, length)
      },
    })
    const urgency = new Map<Hex, number>()
    for (const { original, priority } of nodes)
      urgency.set(original, Math.min(priority, urgency.get(original) ?? priority))
    // After the commit: whoever hears a hint finds the work.
    await Promise.all([...urgency].map(([original, priority]) => hint(wish.tenant, original, laneOf(priority))))
    redriven += nodes.length
    if (nodes.length < BATCH) return { redriven, remaining: 0, before }
  }
  return { redriven, remaining: await countFitting(database, filter), before }
}

/** By the clock that dates deaths, which counts microseconds: what died in this millisecond is dead. */
export const notAfterNow = async (database: Database, before: Date | undefined): Promise<Date> => {
  const { now } = await serverClock(database)
  return new Date(Math.min(now.getTime() + 1, before?.getTime() ?? Number.POSITIVE_INFINITY))
}

const BY_URGENCY = (Object.entries(LANES) as [Lane, number][]).sort(([, a], [, b]) => a - b)

const laneOf = (priority: number): Lane => BY_URGENCY.find(([, lane]) => priority <= lane)?.[0] ?? 'backfill'
