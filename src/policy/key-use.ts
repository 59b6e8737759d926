/**
 * Notes which keys are used, and tells of them later: a request costs one entry of a map, a key one write a minute. What a gateway
 * has noted and not yet told is lost with its process.
 */
import type { Clock } from '../lib/clock.ts'
import type { KeyUse } from '../manifest/key-use.ts'
import type { Principal } from '../model/principal.ts'

export interface KeyUseOptions {
  readonly clock: Clock
  readonly record: (uses: readonly KeyUse[]) => Promise<void>
}

const FLUSH_MS = 60_000
/** About 100 bytes each; more keys than that are not told of in one minute. */
const MAX_NOTED = 50_000
const BATCH = 1_000

export const openKeyUse = ({ clock, record }: KeyUseOptions) => {
  let noted = new Map<string, { tenant: string; at: number }>()
  return {
    note({ kind, id, tenant }: Principal): void {
      if (kind !== 'key') return
      const known = noted.get(id)
      if (known !== undefined) known.at = clock.now()
      else if (noted.size < MAX_NOTED) noted.set(id, { tenant, at: clock.now() })
    },
    /** Writes what was noted since the last time. What could not be written is given up: the next use tells more. */
    async flush(): Promise<void> {
      const uses = [...noted].map(([key, { tenant, at }]) => ({ key, tenant, at }))
      noted = new Map()
      for (let start = 0; start < uses.length; start += BATCH) await record(uses.slice(start, start + BATCH))
    },
  }
}

export type NotesKeyUse = ReturnType<typeof openKeyUse>

/** Tells once a minute, and once more at the end. */
export const startKeyUse = (
  { flush }: Pick<NotesKeyUse, 'flush'>,
  onError: (error: unknown) => void,
): { stop(): Promise<void> } => {
  let running: Promise<void> = Promise.resolve()
  const tell = (): Promise<void> => {
    running = running.then(flush).catch(onError)
    return running
  }
  const timer = setInterval(tell, FLUSH_MS)
  return {
    async stop() {
      clearInterval(timer)
      await tell()
    },
  }
}
