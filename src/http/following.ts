/**
 * Something that changes, told while it does: asked for again and again, and said whenever it is another, until it is over. What is
 * followed is asked of Postgres, so any gateway tells it, whichever process does it. A product has at most 20 streams of a kind at a
 * gateway, each of five minutes at most, and every look asks for permission anew.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../lib/clock.ts'
import { isMatrixError } from '../model/errors.ts'
import type { Principal } from '../model/principal.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { eventStream, type StreamEvent } from './event-stream.ts'
import { openSeats } from './seats.ts'

const LOOK_MS = 500
const STILL_HERE_MS = 15_000
const LONGEST_MS = 300_000
/** Browsers send the last id back when they connect again by themselves, and stop at 204. */
export const LAST_ID = 'end'

export interface Followed<T> {
  readonly first: T
  readonly look: () => Promise<T>
  readonly isOver: (found: T) => boolean
  /** What the last event says. */
  readonly ending: (found: T) => object
}

export interface Following {
  /** Throws `rate-limited`. */
  stream<T>(principal: Principal, followed: Followed<T>): Response
}

export const openFollowing = ({
  clock,
  metrics,
}: {
  readonly clock: Clock
  readonly metrics: Pick<Metrics, 'progressStreams'>
}): Following => {
  const takeSeat = openSeats(metrics.progressStreams)

  const follow = async function* <T>(
    { first, look, isOver, ending }: Followed<T>,
    left: AbortSignal,
  ): AsyncGenerator<StreamEvent> {
    const until = clock.now() + LONGEST_MS
    let told = ''
    let toldAt = 0
    for (let found = first; !left.aborted; found = await look()) {
      const text = JSON.stringify(found)
      const isNew = text !== told
      if (isNew || clock.now() - toldAt >= STILL_HERE_MS) {
        yield isNew ? { event: 'progress', data: found } : { data: undefined }
        toldAt = clock.now()
      }
      told = text
      if (isOver(found)) {
        yield { event: 'end', id: LAST_ID, data: ending(found) }
        return
      }
      if (clock.now() >= until) return
      await pause(LOOK_MS)
    }
  }

  return {
    stream(principal, followed) {
      const leave = takeSeat(principal)
      return eventStream(async function* (left) {
        try {
          yield* follow(followed, left)
        } catch (error) {
          // The status has been sent: what became of it, or of the right to see it, is said as an event.
          yield { event: 'problem', id: LAST_ID, data: { code: isMatrixError(error) ? error.code : 'internal' } }
        } finally {
          leave()
        }
      })
    },
  }
}
