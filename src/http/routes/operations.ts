/** Long work of every kind: what is under way, how far it is, and the hand on it. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { refuse } from '../../model/errors.ts'
import { UUID_PATTERN } from '../../model/ids.ts'
import type { Env } from '../context.ts'
import { LAST_ID, openFollowing } from '../following.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, refusals, security } from '../openapi.ts'
import { OperationSchema, openFamily } from '../operations/family.ts'
import { ANY_STATE, isOver, OPERATION_KINDS, OPERATION_WORDS } from '../operations/shape.ts'
import { AssetIdParam, Paging, page, readCursor } from '../validation.ts'

const params = z.object({ operation: AssetIdParam })
const NO_STORE = { 'Cache-Control': 'no-store' }

const SUMMARIES = {
  pause: 'Begin nothing more for now; what is in hand is finished',
  resume: 'Go on where it was paused',
  cancel: 'Begin nothing more; what has been made stays. A rollout is given up before any of it is shown',
  undo: 'Take back what it has made, the last first: assets that an import created, the pointers of a rollout',
} as const

export const operationRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { log } = gateway
  const family = openFamily(gateway)
  const following = openFollowing(gateway)
  const authenticate = authenticated(gateway.findPrincipal)
  const common = { tags: ['Operate'], security }

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/operations',
      middleware: [authenticate, requires('assets:read')],
      summary: 'Long work of every kind, the newest first',
      description:
        'A product sees backfills of its own renditions, erasures of its own assets and its own imports; administrators see all, and rollouts of engines.',
      request: {
        query: z.strictObject({
          state: z.enum(ANY_STATE).optional(),
          kind: z.enum(OPERATION_KINDS).optional(),
          ...Paging,
        }),
      },
      responses: {
        200: json(z.object({ items: z.array(OperationSchema), next_cursor: z.string().optional() }), 'A page'),
        ...refusals('unauthenticated', 'forbidden', 'invalid-request', 'invalid-cursor'),
      },
    }),
    async c => {
      const { state, kind, limit, cursor } = c.req.valid('query')
      const after = readCursor(cursor, UUID_PATTERN)
      const found = await family.list(c.get('principal'), { state, kind, after, limit: limit + 1 })
      const { items, ...rest } = page(found, limit, ({ id }) => id)
      const shown = await Promise.all(items.map(one => one.present()))
      return c.json({ items: shown, ...rest } as never, 200, NO_STORE)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/operations/{operation}',
      middleware: [authenticate, requires('assets:read')],
      summary: 'How far it is',
      request: { params },
      responses: { 200: json(OperationSchema, 'As of now'), ...refusals('unauthenticated', 'forbidden', 'not-found') },
    }),
    async c => {
      const found = await family.find(c.get('principal'), c.req.valid('param').operation)
      return c.json((await found.present({ whole: true })) as never, 200, NO_STORE)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/operations/{operation}/events',
      middleware: [authenticate, requires('assets:read')],
      summary: 'How far it is, whenever that changes, as server-sent events',
      description:
        'Events `progress` with an Operation each; `end` with its state when it is over; `problem` with its code when it cannot be told any more; a comment every 15 s. After five minutes it ends without `end`: ask again.',
      request: { params },
      responses: {
        200: { description: 'Events', content: { 'text/event-stream': { schema: z.string() } } },
        204: { description: 'It had ended for whoever connects again with the last id' },
        ...refusals('unauthenticated', 'forbidden', 'not-found', 'rate-limited'),
      },
    }),
    async c => {
      const principal = c.get('principal')
      const { operation: id } = c.req.valid('param')
      const look = async () => (await family.find(principal, id)).present()
      const first = await look()
      if (c.req.header('last-event-id') === LAST_ID) return c.body(null, 204)
      return following.stream(principal, {
        first,
        look,
        isOver: ({ state }) => isOver(state),
        ending: ({ state }) => ({ state }),
      }) as never
    },
  )

  for (const word of OPERATION_WORDS) {
    app.openapi(
      createRoute({
        ...common,
        method: 'post',
        path: `/v1/operations/{operation}/${word}`,
        middleware: [
          authenticate,
          requires('assets:write'),
          // What is taken back is taken from readers.
          ...(word === 'undo' ? [requires('publish')] : []),
          jsonOnly(gateway.config),
        ],
        summary: SUMMARIES[word],
        request: { params },
        responses: {
          200: json(OperationSchema, 'It is so, also if it was before'),
          ...refusals(...JSON_ROUTE, 'conflict'),
        },
      }),
      async c => {
        const principal = c.get('principal')
        const { operation: id } = c.req.valid('param')
        const member = await family.find(principal, id)
        const isSo = await member.tell(c, word)
        const now = await (await family.find(principal, id)).present({ whole: true })
        if (isSo === undefined)
          throw refuse('conflict', `There is no ${word} of ${member.kind} operations.`, {
            details: { state: now.state },
          })
        if (!isSo) throw refuse('conflict', `The operation is ${now.state}.`, { details: { state: now.state } })
        log.info({ actor: principal.id, operation: id, word }, 'operation')
        return c.json(now as never, 200, NO_STORE)
      },
    )
  }
}
