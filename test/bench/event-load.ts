/** Facts as the product appends them, in transactions of their own, and when each was committed. */
import { setTimeout as delay } from 'node:timers/promises'
import { type Database, openDatabase } from '../../src/manifest/database.ts'
import { appendFacts } from '../../src/manifest/events.ts'
import type { Store } from './world.ts'

/** Each about another asset than those of its neighbours, as it is where many products are at work. */
export const FACTS = 5

export const openEventDatabase = ({ databaseUrl }: Store, poolSize = 8): Database =>
  openDatabase({
    connection: { connectionString: databaseUrl },
    poolSize,
    statementTimeoutMs: 60_000,
    onPoolError: error => console.error(error),
  })

export interface Commits {
  /** By the mark of the fact, ms since the epoch. */
  readonly at: ReadonlyMap<string, number>
  readonly seconds: number
}

/** Commits them in one transaction. */
export type Append = (asset: string, marks: readonly string[]) => Promise<unknown>

export const appendingFacts =
  (database: Database, tenant: string): Append =>
  (asset, marks) =>
    database.transaction(tx =>
      appendFacts(tx, {
        tenant,
        asset,
        cause: { actor: 'bench', correlationId: 'bench' },
        facts: marks.map(mark => ({ type: 'asset.metadata_changed' as const, data: { asset, changed: [mark] } })),
      }),
    )

export interface AppendOptions {
  readonly assets: readonly string[]
  readonly writers: number
  /** Facts of one asset in one transaction. */
  readonly facts: number
  readonly seconds: number
  /** Of all writers together; without it as fast as they can. */
  readonly perSecond?: number
}

let marks = 0
/** Which event it is, in every form that outputs give it. */
export const markOf = (text: string): string | undefined => /mark\/\d+/.exec(text)?.[0]

export const appendEvents = async (append: Append, options: AppendOptions): Promise<Commits> => {
  const { assets, writers, facts, seconds, perSecond } = options
  const at = new Map<string, number>()
  const startedAt = performance.now()
  const endsAt = startedAt + seconds * 1_000
  const everyMs = perSecond === undefined ? 0 : (1_000 * facts * writers) / perSecond
  const write = async (writer: number): Promise<void> => {
    const own = assets.filter((_, place) => place % writers === writer)
    for (let n = 0; ; n++) {
      const dueAt = startedAt + n * everyMs + (writer * everyMs) / writers
      if (Math.max(dueAt, performance.now()) >= endsAt) return
      if (dueAt > performance.now()) await delay(dueAt - performance.now())
      const asset = own[n % own.length] ?? ''
      const named = Array.from({ length: facts }, () => `mark/${++marks}`)
      await append(asset, named)
      const now = Date.now()
      for (const mark of named) at.set(mark, now)
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
  return { at, seconds: (performance.now() - startedAt) / 1_000 }
}
