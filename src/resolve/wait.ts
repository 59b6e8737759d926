/**
 * Waiting for what some process of the cluster brings about: a node, a first publication. All waits of a gateway share one query
 * per tick, so a thousand callers cost what one does. Polling Postgres rather than listening: it needs no second channel that
 * could be lost, and NOTIFY inside the settling transaction takes a database-wide lock. Cost: half a tick of latency, 5 ms while
 * waits are young; what a worker of this process settles is heard of at once.
 */
import type { Sql } from '../manifest/database.ts'
import { nodeStates } from '../manifest/leaves.ts'
import { firstPublications } from '../manifest/publish.ts'
import type { Nearby } from '../queue/nearby.ts'

export interface Ref {
  readonly tenant: string
  readonly key: string
}

/** `done` ends a wait at once, `hopeless` when that is all that is left of it. */
type Outcome = 'done' | 'hopeless'

/** Resolves when any of the things is done, all of them are hopeless, time is up or the caller is gone; never rejects for these. */
export type Waiter = (
  refs: readonly Ref[],
  options: { waitMs: number; signal: AbortSignal | undefined },
) => Promise<void>

export interface WaiterOptions {
  /** What has come to its end among these; the rest is still open. */
  readonly ended: (refs: readonly Ref[]) => Promise<readonly (Ref & { readonly outcome: Outcome })[]>
  /** Calls back for what is done and known without asking; may be silent about any of it. */
  readonly hear?: (done: (ref: Ref) => void) => void
  /** Different things waited for at once. Beyond, the caller is told to come again instead of being held. */
  readonly maxRefs: number
}

const YOUNG_MS = 1_000
const TICK_MS = { young: 10, old: 50 } as const

interface Wait {
  readonly ids: readonly string[]
  readonly since: number
  readonly finish: () => void
}

const idOf = ({ tenant, key }: Ref): string => `${tenant}/${key}`

export const openWaiter = ({ ended, hear, maxRefs }: WaiterOptions): Waiter => {
  const open = new Map<string, { ref: Ref; waits: Set<Wait> }>()
  let timer: NodeJS.Timeout | undefined

  const tick = async (): Promise<void> => {
    const outcomes = new Map(
      (await ended([...open.values()].map(({ ref }) => ref))).map(end => [idOf(end), end.outcome]),
    )
    for (const [id, outcome] of outcomes) {
      for (const wait of open.get(id)?.waits ?? []) {
        if (outcome === 'done' || wait.ids.every(other => outcomes.has(other))) wait.finish()
      }
    }
  }

  const schedule = (): void => {
    if (timer || open.size === 0) return
    const now = performance.now()
    const young = [...open.values()].some(({ waits }) => [...waits].some(wait => now - wait.since < YOUNG_MS))
    const again = (): void => {
      timer = undefined
      schedule()
    }
    // A database that is away is told to those who ask it; waits run out by their own clock.
    timer = setTimeout(() => void tick().then(again, again), young ? TICK_MS.young : TICK_MS.old)
  }

  const leave = (wait: Wait): void => {
    for (const id of wait.ids) {
      const entry = open.get(id)
      entry?.waits.delete(wait)
      if (entry?.waits.size === 0) open.delete(id)
    }
  }

  hear?.(ref => {
    for (const wait of open.get(idOf(ref))?.waits ?? []) wait.finish()
  })

  return (refs, { waitMs, signal }) => {
    const ids = refs.map(idOf)
    const added = ids.filter(id => !open.has(id)).length
    if (refs.length === 0 || signal?.aborted || open.size + added > maxRefs) return Promise.resolve()
    return new Promise(resolve => {
      const finish = (): void => {
        clearTimeout(deadline)
        signal?.removeEventListener('abort', finish)
        leave(wait)
        resolve()
      }
      const wait: Wait = { ids, since: performance.now(), finish }
      const deadline = setTimeout(finish, waitMs)
      signal?.addEventListener('abort', finish, { once: true })
      for (const ref of refs) {
        const entry = open.get(idOf(ref)) ?? { ref, waits: new Set() }
        entry.waits.add(wait)
        open.set(idOf(ref), entry)
      }
      schedule()
    })
  }
}

export const openNodeWaiter = (sql: Sql, { settled }: Pick<Nearby, 'settled'>): Waiter =>
  openWaiter({
    maxRefs: 64,
    hear: settled.subscribe,
    ended: async refs =>
      (await nodeStates(sql, refs)).flatMap(({ tenant, id, state }) =>
        state === 'DONE' || state === 'DEAD'
          ? [{ tenant, key: id, outcome: state === 'DONE' ? 'done' : 'hopeless' }]
          : [],
      ),
  })

export const openPublicationWaiter = (sql: Sql): Waiter =>
  openWaiter({
    maxRefs: 64,
    ended: async refs =>
      (await firstPublications(sql, refs)).flatMap(({ tenant, asset, published, coming }) =>
        published || !coming ? [{ tenant, key: asset, outcome: published ? 'done' : 'hopeless' }] : [],
      ),
  })
