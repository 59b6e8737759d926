/**
 * What becomes of a version, told while it does: its completeness, whenever that changes, until there is nothing to wait for.
 * Each look costs what the document does, about a millisecond.
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import type { Env, MatrixContext } from '../context.ts'
import { LAST_ID, openFollowing } from '../following.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { refusals, security } from '../openapi.ts'
import { AssetIdParam, VersionParam } from '../validation.ts'
import { readCompleteness } from './versions.ts'

type Completeness = Awaited<ReturnType<typeof readCompleteness>>

const hasSettled = ({ state, products, others }: Completeness): boolean =>
  state !== 'PENDING' &&
  state !== 'PROCESSING' &&
  [...products, ...(others ? [others] : [])].every(({ required, done, dead }) => done + dead >= required)

export const progressRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const following = openFollowing(gateway)

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
      return following.stream(c.get('principal'), {
        first,
        look,
        isOver: hasSettled,
        ending: ({ state }) => ({ state }),
      }) as never
    },
  )
}
