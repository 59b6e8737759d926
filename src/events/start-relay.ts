/** Every process that numbers events carries them into the streams at once, and looks now and then whether others have not. */
import { repeat } from '../lib/repeat.ts'
import type { Nearby } from '../queue/nearby.ts'
import type { EventStreams } from '../streams/streams.ts'
import { openRelay, type RelayDependencies } from './relay.ts'

const LOOK_MS = 1_000
const TIDY_MS = 60_000

export interface StartRelayOptions extends Omit<RelayDependencies, 'streams'> {
  /** `undefined`: there are none. */
  readonly streams: EventStreams | undefined
  readonly nearby: Pick<Nearby, 'numbered'>
}

export const startRelay = ({ streams, ...options }: StartRelayOptions): { stop(): Promise<void> } => {
  if (streams === undefined) return { stop: async () => undefined }
  const { log, nearby } = options
  const relay = openRelay({ ...options, streams })
  let said: string | undefined
  /** A Redis that is away is said once, and not each second. */
  const onError = (error: unknown): void => {
    const message = String(error)
    if (message !== said) log.warn({ err: error }, 'events are not carried into streams')
    said = message
  }
  let isDue = false
  const carry = async (): Promise<void> => {
    do {
      const work = isDue ? relay.carry : relay.look
      isDue = false
      await work()
    } while (isDue)
    said = undefined
  }
  const round = repeat(carry, { everyMs: LOOK_MS, onError })
  const tidying = repeat(relay.tidy, { everyMs: TIDY_MS, onError })
  const forget = nearby.numbered.subscribe(() => {
    isDue = true
    round.once().catch(onError)
  })
  return {
    async stop() {
      forget()
      relay.stop()
      await Promise.all([round.stop(), tidying.stop()])
    },
  }
}
