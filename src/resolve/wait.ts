/**
 * Waiting for nodes that some worker of the cluster makes. All waits of a gateway share one query per tick, so a thousand
 * callers cost what one does. Polling Postgres rather than listening: it needs no second channel that could be lost, and
 * NOTIFY inside the settling transaction takes a database-wide lock. Cost: half a tick of latency, 5 ms while waits are young.
 */

import type { Sql } from '../manifest/database.ts'
import { nodeStates } from '../manifest/leaves.ts'
import type { NodeState } from '../model/node.ts'

export interface NodeRef {
  readonly tenant: string
  readonly key: string
}

export type NodeWaiter = (
  nodes: readonly NodeRef[],
  options: { waitMs: number; signal: AbortSignal | undefined },
) => Promise<void>

const YOUNG_MS = 1_000
const TICK_MS = { young: 10, old: 50 } as const
const SETTLED: ReadonlySet<NodeState> = new Set(['DONE', 'DEAD'])

interface Wait {
  readonly keys: ReadonlySet<string>
  readonly since: number
  readonly finish: () => void
}

/** Resolves when any of the nodes is done, all of them are dead, time is up or the caller is gone; never rejects for these. */
export const openNodeWaiter = (sql: Sql, { maxNodes = 64 }: { maxNodes?: number } = {}): NodeWaiter => {
  const refs = new Map<string, { ref: NodeRef; waits: Set<Wait> }>()
  let timer: NodeJS.Timeout | undefined

  const tick = async (): Promise<void> => {
    const states = await nodeStates(
      sql,
      [...refs.values()].map(({ ref }) => ref),
    )
    const settled = new Map(
      states.filter(({ state }) => SETTLED.has(state)).map(row => [`${row.tenant}/${row.id}`, row.state]),
    )
    for (const [id, state] of settled) {
      for (const wait of refs.get(id)?.waits ?? []) {
        if (state === 'DONE' || [...wait.keys].every(key => settled.has(key))) wait.finish()
      }
    }
  }

  const schedule = (): void => {
    if (timer || refs.size === 0) return
    const now = performance.now()
    const young = [...refs.values()].some(({ waits }) => [...waits].some(wait => now - wait.since < YOUNG_MS))
    timer = setTimeout(
      () => {
        tick()
          // A database that is away is told to those who ask it; waits run out by their own clock.
          .catch(() => undefined)
          .finally(() => {
            timer = undefined
            schedule()
          })
      },
      young ? TICK_MS.young : TICK_MS.old,
    )
  }

  return (nodes, { waitMs, signal }) => {
    const ids = nodes.map(node => `${node.tenant}/${node.key}`)
    const unknown = ids.filter(id => !refs.has(id)).length
    // Bounded: beyond this many cold nodes at once the caller is told to come again instead of being held.
    if (nodes.length === 0 || signal?.aborted || refs.size + unknown > maxNodes) return Promise.resolve()
    return new Promise(resolve => {
      const finish = (): void => {
        clearTimeout(deadline)
        signal?.removeEventListener('abort', finish)
        for (const id of ids) {
          const entry = refs.get(id)
          entry?.waits.delete(wait)
          if (entry?.waits.size === 0) refs.delete(id)
        }
        resolve()
      }
      const wait: Wait = { keys: new Set(ids), since: performance.now(), finish }
      const deadline = setTimeout(finish, waitMs)
      signal?.addEventListener('abort', finish, { once: true })
      nodes.forEach((ref, i) => {
        const id = ids[i] as string
        const entry = refs.get(id) ?? { ref, waits: new Set() }
        entry.waits.add(wait)
        refs.set(id, entry)
      })
      schedule()
    })
  }
}
