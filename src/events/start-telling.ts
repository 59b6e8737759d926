/** Events are told by webhook from every gateway, beside its requests: workers know no policy engines, and may not say who hears what. */
import { repeat } from '../lib/repeat.ts'
import type { Nearby } from '../queue/nearby.ts'
import type { Log } from '../telemetry/log.ts'
import type { Telling } from './tell.ts'

const ROUND_MS = 200
const TIDY_MS = 60_000
/** Most receivers answer within it. */
const GRACE_MS = 3_000

export const startTelling = ({
  telling,
  nearby,
  log,
}: {
  telling: Telling
  nearby: Pick<Nearby, 'numbered'>
  log: Log
}) => {
  const onError = (error: unknown): void => log.warn({ err: error }, 'webhooks')
  let isDue = false
  /** What is numbered while a round runs may have come too late for it. */
  const take = async (): Promise<void> => {
    do {
      isDue = false
      await telling.round()
    } while (isDue)
  }
  const taking = repeat(take, { everyMs: ROUND_MS, onError })
  // At once where they were numbered here; what other processes have numbered is found by the next round.
  const forget = nearby.numbered.subscribe(() => {
    telling.numbered()
    isDue = true
    taking.once().catch(onError)
  })
  const rounds = [taking, repeat(telling.tidy, { everyMs: TIDY_MS, onError })]
  return {
    async stop(): Promise<void> {
      forget()
      await Promise.all(rounds.map(round => round.stop()))
      await telling.stop(GRACE_MS)
    },
  }
}
