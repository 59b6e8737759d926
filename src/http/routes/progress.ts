/**
 * What becomes of a version, told while it does: its completeness, whenever that changes, until there is nothing to wait for.
 * It is asked of Postgres, so any gateway tells it whichever workers do it. Each look costs what the document does (about a
 * millisecond); a product has at most 20 streams at a gateway, each of five minutes at most, and every look asks for permission anew.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { isMatrixError, refuse } from '../../model/errors.ts'
import type { Env, MatrixContext } from '../context.ts'
import { eventStream, type StreamEvent } from '../event-stream.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { refusals, security } from '../openapi.ts'
import { AssetIdParam, VersionParam } from '../validation.ts'
import { readCompleteness } from './assets.ts'

const LOOK_MS = 500
const STILL_HERE_MS = 15_000
const LONGEST_MS = 300_000
const MOST_STREAMS = 20
/** Browsers send the last id back when they connect again by themselves, and stop at 204. */
const LAST_ID = 'end'

type Completeness = Awaited<ReturnType<typeof readCompleteness>>

interface Following {
  readonly first: Completeness
  readonly look: () => Promise<Completeness>
  readonly leave: () => void
  readonly left: AbortSignal
}

const hasSettled = ({ state, products, others }: Completeness): boolean =>
  state !== 'PENDING' &&
  state !== 'PROCESSING' &&
  [...products, ...(others ? [others] : [])].every(({ required, done, dead }) => done + dead >= required)

export const progressRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { metrics, clock } = gateway
  const open = new Map<string, number>()

  /** Throws `rate-limited`. What it gives ends it, once. */
  const admit = (who: string): (() => void) => {
    const before = open.get(who) ?? 0
    if (before >= MOST_STREAMS)
      throw refuse('rate-limited', `At most ${MOST_STREAMS} streams at once.`, { retryAfterSeconds: 5 })
    open.set(who, before + 1)
    metrics.progressStreams.inc()
    return () => {
      const left = (open.get(who) ?? 1) - 1
      if (left === 0) open.delete(who)
      else open.set(who, left)
      metrics.progressStreams.dec()
    }
  }

  const follow = async function* ({ first, look, leave, left }: Following): AsyncGenerator<StreamEvent> {
    try {
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
        if (hasSettled(found)) {
          yield { event: 'end', id: LAST_ID, data: { state: found.state } }
          return
        }
        if (clock.now() >= until) return
        await pause(LOOK_MS)
      }
    } catch (error) {
      // The status has been sent: what became of the version, or of the right to see it, is said as an event.
      yield { event: 'problem', id: LAST_ID, data: { code: isMatrixError(error) ? error.code : 'internal' } }
    } finally {
      leave()
    }
  }

  app.openapi(
    createRoute({
      tags: ['Assets'],
      security,
      middleware: [authenticated(gateway.findPrincipal), requires('assets:read')] as const,
      method: 'get',
      path: '/v1/assets/{asset}/versions/{version}/progress',
      summary: 'The completeness of a version whenever it changes, as server-sent events',
      description:
        'Events `progress` with a Completeness each; `end` when the version is shown, ready or failed and nothing required is pending; `problem` with its code when it cannot be told any more; a comment every 15 s. After five minutes it ends without `end`: ask again.',
      request: { params: z.object({ asset: AssetIdParam, version: VersionParam }) },
      responses: {
        200: { description: 'Events', content: { 'text/event-stream': { schema: z.string() } } },
        204: { description: 'It had ended for whoever connects again with the last id' },
        ...refusals('unauthenticated', 'forbidden', 'not-found', 'asset-erased', 'rate-limited'),
      },
    }),
    async c => {
      const { asset: id, version } = c.req.valid('param')
      const look = (): Promise<Completeness> => readCompleteness(gateway, c as MatrixContext, { id, version })
      const first = await look()
      if (c.req.header('last-event-id') === LAST_ID) return c.body(null, 204)
      const { tenant, product, id: principal } = c.get('principal')
      const leave = admit(`${tenant}/${product ?? principal}`)
      return eventStream(left => follow({ first, look, leave, left })) as never
    },
  )
}
