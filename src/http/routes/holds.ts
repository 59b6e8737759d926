/**
 * Holds: what stands under one is not deleted, not erased and not pruned, whoever asks and whatever was decided before. Set and
 * lifted by administrators alone, for whom it binds must not be able to undo it, and why it is there is told to them alone.
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { findAsset } from '../../manifest/assets.ts'
import type { Sql } from '../../manifest/database.ts'
import { type Hold, holdsOf, liftHold, listHolds, putHold } from '../../manifest/holds.ts'
import { lockAsset } from '../../manifest/publish.ts'
import { refuse } from '../../model/errors.ts'
import { auditChange } from '../audit.ts'
import { requireIfMatch, requireState, stateTag } from '../configuration.ts'
import type { Env } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { AssetIdParam, Name, Paging, page, readCursor } from '../validation.ts'
import { nothingHere } from './assets.ts'

const HoldBody = z.strictObject({
  reason: z
    .string()
    .min(1)
    .max(500)
    .regex(/^\P{Cc}*$/u)
    .openapi({ description: 'Shown to administrators and kept in the audit: a case number, no personal data' }),
})
const HoldSchema = z
  .object({
    asset: z.uuid(),
    name: z.string(),
    reason: z.string(),
    set_by: z.string(),
    set_at: z.string(),
    etag: z.string(),
  })
  .openapi('Hold')

const params = z.object({ asset: AssetIdParam, hold: Name.openapi({ description: 'Of the matter: `case-4711`' }) })
const shared = refusals(...JSON_ROUTE)
const PLACE = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\/[a-z0-9][a-z0-9-]{0,39}$/

const fieldsOf = ({ asset, name, reason, setBy, setAt }: Hold) => ({
  asset,
  name,
  reason,
  set_by: setBy,
  set_at: setAt.toISOString(),
})
const present = (hold: Hold) => ({ ...fieldsOf(hold), etag: stateTag(fieldsOf(hold)) })

const placeOf = (cursor: string | undefined): Pick<Hold, 'asset' | 'name'> | undefined => {
  const [asset, name] = readCursor(cursor, PLACE)?.split('/') ?? []
  return asset === undefined || name === undefined ? undefined : { asset, name }
}

export const holdRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, config } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('matrix:admin'), jsonOnly(config)]
  const common = { tags: ['Publish'], security, middleware }

  /** With the lock of its asset. What is deleted and may be had back is held like any other. Throws `not-found`. */
  const lockHold = async (tx: Sql, tenant: string, { asset, hold }: z.infer<typeof params>) => {
    const locked = await lockAsset(tx, tenant, asset)
    if (!locked) throw nothingHere()
    return { locked, found: (await holdsOf(tx, { tenant, asset })).find(({ name }) => name === hold) }
  }

  app.openapi(
    createRoute({
      ...common,
      method: 'put',
      path: '/v1/assets/{asset}/holds/{hold}',
      summary: 'Hold an asset: nothing of it is deleted, erased or pruned until every hold is lifted',
      request: { params, ...jsonBody(HoldBody) },
      responses: {
        201: json(HoldSchema, 'The hold, which is new'),
        200: json(HoldSchema, 'The hold, with this reason from now on'),
        ...shared,
        ...refusals('asset-erased', 'precondition-failed'),
      },
    }),
    async c => {
      const { tenant, id: setBy } = c.get('principal')
      const named = c.req.valid('param')
      const { asset, hold: name } = named
      const { reason } = c.req.valid('json')
      const { shown, isNew } = await database.transaction(async tx => {
        const { locked, found } = await lockHold(tx, tenant, named)
        if (locked.erased_at) throw refuse('asset-erased', 'The asset has been erased.')
        const before = found && present(found)
        requireState(c, before?.etag)
        const shown = present(await putHold(tx, { tenant, asset, name, reason, setBy }))
        await auditChange(c, tx, { resource: `assets/${asset}/holds/${name}`, before, after: shown })
        return { shown, isNew: before === undefined }
      })
      c.header('ETag', shown.etag)
      return c.json(shown, isNew ? 201 : 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'delete',
      path: '/v1/assets/{asset}/holds/{hold}',
      summary: 'Lift a hold; what was to be deleted meanwhile goes as soon as none is left',
      request: { params },
      responses: {
        204: { description: 'Lifted' },
        ...shared,
        ...refusals('precondition-failed', 'precondition-required'),
      },
    }),
    async c => {
      requireIfMatch(c)
      const { tenant } = c.get('principal')
      const named = c.req.valid('param')
      const { asset, hold: name } = named
      await database.transaction(async tx => {
        const { found } = await lockHold(tx, tenant, named)
        if (!found) throw refuse('not-found', 'There is no such hold.')
        const before = present(found)
        requireState(c, before.etag)
        await liftHold(tx, { tenant, asset, name })
        await auditChange(c, tx, { resource: `assets/${asset}/holds/${name}`, before })
      })
      return c.body(null, 204)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/assets/{asset}/holds',
      summary: 'What holds an asset',
      request: { params: z.object({ asset: AssetIdParam }) },
      responses: {
        200: json(z.object({ items: z.array(HoldSchema) }), 'All of them; none where it is free'),
        ...shared,
      },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const { asset } = c.req.valid('param')
      if (!(await findAsset(database, tenant, asset))) throw nothingHere()
      const items = await holdsOf(database, { tenant, asset })
      return c.json({ items: items.map(present) }, 200, { 'Cache-Control': 'no-store' })
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/holds',
      summary: 'What is held, by asset and name',
      request: { query: z.strictObject(Paging) },
      responses: {
        200: json(z.object({ items: z.array(HoldSchema), next_cursor: z.string().optional() }), 'A page'),
        ...shared,
        ...refusals('invalid-request', 'invalid-cursor'),
      },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const { limit, cursor } = c.req.valid('query')
      const after = placeOf(cursor)
      const found = await listHolds(database, { tenant, limit: limit + 1, ...(after && { after }) })
      const { items, ...rest } = page(found, limit, ({ asset, name }) => `${asset}/${name}`)
      return c.json({ items: items.map(present), ...rest }, 200, { 'Cache-Control': 'no-store' })
    },
  )
}
