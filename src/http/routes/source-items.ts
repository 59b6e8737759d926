/** What has become of what a source has said, and the payloads as they came. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { findRaw, type ListedItem, listItems, redriveItems } from '../../manifest/source-events.ts'
import { refuse } from '../../model/errors.ts'
import { UUID_PATTERN } from '../../model/ids.ts'
import { ITEM_STATES } from '../../model/source-system.ts'
import { auditChange } from '../audit.ts'
import type { Env } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { json, refusals, security } from '../openapi.ts'
import { Name, Paging, page, readCursor } from '../validation.ts'

const ItemSchema = z
  .object({
    event: z.uuid(),
    item: z.number().int().openapi({ description: 'Within the event, from 0' }),
    external_id: z.string().optional(),
    state: z.enum(ITEM_STATES),
    tries: z.number().int(),
    code: z.string().optional().openapi({ description: 'Of the last refusal, as in errors.md' }),
    asset: z.uuid().optional(),
    version: z.number().int().optional(),
    received_at: z.string(),
    next_try_at: z.string().optional(),
    finished_at: z.string().optional(),
  })
  .openapi('SourceItem')

const presentItem = (item: ListedItem) => ({
  event: item.event,
  item: item.ordinal,
  external_id: item.externalId ?? undefined,
  state: item.state,
  tries: item.tries,
  code: item.code ?? undefined,
  asset: item.asset ?? undefined,
  version: item.version ?? undefined,
  received_at: item.receivedAt.toISOString(),
  next_try_at: item.state === 'PENDING' ? item.notBefore.toISOString() : undefined,
  finished_at: item.finishedAt?.toISOString(),
})

const params = z.object({ source: Name })
const shared = refusals('unauthenticated', 'forbidden', 'not-found')

/** Also of a source that has been deleted: what it has said is there as long as it is kept. */
export const sourceItemRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('matrix:admin')]
  const common = { tags: ['Ingest'], security, middleware }

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/sources/{source}/items',
      summary: 'What its payloads led to, newest first',
      request: { params, query: z.strictObject({ state: z.enum(ITEM_STATES).optional(), ...Paging }) },
      responses: {
        200: json(z.object({ items: z.array(ItemSchema), next_cursor: z.string().optional() }), 'A page'),
        ...shared,
        ...refusals('invalid-request', 'invalid-cursor'),
      },
    }),
    async c => {
      const { state, limit, cursor } = c.req.valid('query')
      const before = readCursor(cursor, /^\d{1,18}$/)
      const { tenant } = c.get('principal')
      const found = await listItems(database, tenant, c.req.valid('param').source, { state, before, limit: limit + 1 })
      const { items, ...rest } = page(found, limit, ({ no }) => no)
      return c.json({ items: items.map(presentItem), ...rest }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/sources/{source}/events/{event}',
      summary: 'A payload, byte for byte as it came',
      request: { params: params.extend({ event: z.string().regex(UUID_PATTERN) }) },
      responses: {
        200: { description: 'Its bytes', content: { 'application/octet-stream': { schema: z.any() } } },
        ...shared,
      },
    }),
    async c => {
      const { source, event } = c.req.valid('param')
      const raw = await findRaw(database, c.get('principal').tenant, source, event)
      if (!raw) throw refuse('not-found', 'There is no such payload, or not any more.')
      const headers = {
        'Content-Type': 'application/octet-stream',
        'Content-Disposition': 'attachment',
        'Cache-Control': 'no-store',
        'X-Content-Type-Options': 'nosniff',
      }
      return c.body(new Uint8Array(raw), 200, headers)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/sources/{source}/redrive',
      summary: 'Try what was given up once more',
      request: { params },
      responses: { 200: json(z.object({ redriven: z.number().int() }), 'How many'), ...shared },
    }),
    async c => {
      const { source } = c.req.valid('param')
      const redriven = await database.transaction(async tx => {
        const count = await redriveItems(tx, c.get('principal').tenant, source)
        await auditChange(c, tx, { resource: `sources/${source}`, after: { redriven: count } })
        return count
      })
      return c.json({ redriven }, 200)
    },
  )
}
