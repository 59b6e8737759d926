/**
 * Who asks for an upload that is being written to is most often its sender, whose connection broke without our knowing: the earlier
 * request is asked to keep what it has and to end. In this process; what other gateways still have in hand, and whoever does not end
 * in time, is shut out by the fence (manifest/tus-uploads.ts).
 */
import type { Locker } from '@tus/server'

const PATIENCE_MS = 2_000

interface Holder {
  readonly release: () => void
  readonly ended: Promise<void>
}

export const openLocker = (): Locker => {
  const holders = new Map<string, Holder>()
  return {
    newLock(id) {
      let end = (): void => undefined
      return {
        async lock(_signal, requestRelease) {
          const before = holders.get(id)
          const ended = new Promise<void>(resolve => {
            end = resolve
          })
          const mine: Holder = { release: () => void requestRelease(), ended }
          holders.set(id, mine)
          void ended.then(() => holders.get(id) === mine && holders.delete(id))
          if (before === undefined) return
          before.release()
          let late: NodeJS.Timeout | undefined
          const patience = new Promise<void>(resolve => {
            late = setTimeout(resolve, PATIENCE_MS)
          })
          await Promise.race([before.ended, patience])
          clearTimeout(late)
        },
        async unlock() {
          end()
        },
      }
    },
  }
}
