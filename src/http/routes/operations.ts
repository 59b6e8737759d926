/** Long work: what is under way, how far it is, and the hand on it. A product sees what is about its own renditions. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import type { Sql } from '../../manifest/database.ts'
import { findErasure, listErasures, objectsOfErasure } from '../../manifest/erasures.ts'
import { findOperation, listOperations } from '../../manifest/operations.ts'
import type { Erasure } from '../../model/erasure.ts'
import { refuse } from '../../model/errors.ts'
import { UUID_PATTERN } from '../../model/ids.ts'
import { OPERATION_STATES, type Operation, type OperationState } from '../../model/operation.ts'
import type { Principal } from '../../model/principal.ts'
import { cancelOperation, setPaused } from '../../reconcile/backfill.ts'
import { auditChange } from '../audit.ts'
import type { Env, MatrixContext } from '../context.ts'
import { ErasureSchema, presentErasure } from '../erasure.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, refusals, security } from '../openapi.ts'
import { BackfillSchema, presentBackfill } from '../operation.ts'
import { AssetIdParam, Paging, page, readCursor } from '../validation.ts'

const params = z.object({ operation: AssetIdParam })
const NO_STORE = { 'Cache-Control': 'no-store' }
const OperationSchema = z.discriminatedUnion('kind', [BackfillSchema, ErasureSchema]).openapi('Operation')

/** Erasures only go on or are over. `undefined`: none is in this state. */
const overOf = (state: OperationState | undefined): { over: boolean | undefined } | undefined => {
  if (state === undefined) return { over: undefined }
  if (state === 'RUNNING' || state === 'SUCCEEDED') return { over: state === 'SUCCEEDED' }
  return undefined
}

const newestFirst = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? 1 : -1)

export const operationRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, log } = gateway
  const authenticate = authenticated(gateway.findPrincipal)
  const common = { tags: ['Operate'], security }

  const permitted = async ({ tenant, product, scopes }: Principal, id: string): Promise<Operation> => {
    const found = await findOperation(database, tenant, id)
    if (!found || (product !== found.input.product && !scopes.includes('matrix:admin')))
      throw refuse('not-found', 'There is no such operation for this key.', {
        ...(found && { denied: { rule: 'other-product' } }),
      })
    return found
  }

  /** Of the asset's owner, of who asked for it, and of administrators. */
  const permittedErasure = async ({ tenant, product, id: key, scopes }: Principal, id: string) => {
    const found = await findErasure(database, tenant, id)
    const isTheirs = found && (product === found.owner || key === found.requestedBy || scopes.includes('matrix:admin'))
    return isTheirs ? found : undefined
  }

  const present = async (one: Operation | Erasure, { withReceipt = false } = {}) =>
    'asset' in one
      ? presentErasure(one, await objectsOfErasure(database, one), { withReceipt })
      : presentBackfill(gateway, one)

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/operations',
      middleware: [authenticate, requires('assets:read')],
      summary: 'Long work, the newest first',
      request: { query: z.strictObject({ state: z.enum(OPERATION_STATES).optional(), ...Paging }) },
      responses: {
        200: json(z.object({ items: z.array(OperationSchema), next_cursor: z.string().optional() }), 'A page'),
        ...refusals('unauthenticated', 'forbidden', 'invalid-request', 'invalid-cursor'),
      },
    }),
    async c => {
      const { tenant, product, scopes } = c.get('principal')
      const { state, limit, cursor } = c.req.valid('query')
      const filter = {
        tenant,
        product: scopes.includes('matrix:admin') ? undefined : (product ?? ''),
        after: readCursor(cursor, UUID_PATTERN),
        limit: limit + 1,
      }
      const over = overOf(state)
      const [backfills, erasures] = await Promise.all([
        listOperations(database, { ...filter, state }),
        over ? listErasures(database, { ...filter, ...over }) : [],
      ])
      const found = [...backfills, ...erasures].sort(newestFirst)
      const { items, ...rest } = page(found, limit, ({ id }) => id)
      const shown = await Promise.all(items.map(one => present(one)))
      return c.json({ items: shown, ...rest }, 200, NO_STORE)
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
      const { operation: id } = c.req.valid('param')
      const erasure = await permittedErasure(c.get('principal'), id)
      const found = erasure ?? (await permitted(c.get('principal'), id))
      return c.json(await present(found, { withReceipt: true }), 200, NO_STORE)
    },
  )

  const recorder =
    (c: MatrixContext, { id }: Operation) =>
    (tx: Sql, { from, to }: { from: string; to: string }) =>
      auditChange(c, tx, { resource: `operations/${id}`, before: { state: from }, after: { state: to } })

  const verbs = {
    pause: {
      summary: 'Plan nothing more for now; what is queued is made',
      run: (c: MatrixContext, one: Operation) => setPaused(database, one, true, recorder(c, one)),
    },
    resume: {
      summary: 'Go on where it was paused',
      run: (c: MatrixContext, one: Operation) => setPaused(database, one, false, recorder(c, one)),
    },
    cancel: {
      summary: 'Plan nothing more; what has been made stays',
      run: async (c: MatrixContext, one: Operation) => {
        if (await cancelOperation(database, one, 'cancelled', recorder(c, one))) return true
        if ((await findOperation(database, one.tenant, one.id))?.state !== 'CANCELLED') return false
        await recorder(c, one)(database, { from: 'CANCELLED', to: 'CANCELLED' })
        return true
      },
    },
  }
  for (const [verb, { summary, run }] of Object.entries(verbs)) {
    app.openapi(
      createRoute({
        ...common,
        method: 'post',
        path: `/v1/operations/{operation}/${verb}`,
        middleware: [authenticate, requires('assets:write'), jsonOnly(gateway.config)],
        summary,
        request: { params },
        responses: {
          200: json(BackfillSchema, 'It is so, also if it was before'),
          ...refusals(...JSON_ROUTE, 'conflict'),
        },
      }),
      async c => {
        const principal = c.get('principal')
        if (await permittedErasure(principal, c.req.valid('param').operation))
          throw refuse('conflict', 'An erasure is not held up.')
        const operation = await permitted(principal, c.req.valid('param').operation)
        const isSo = await run(c, operation)
        const now = await permitted(principal, operation.id)
        if (!isSo) throw refuse('conflict', `The operation is ${now.state}.`, { details: { state: now.state } })
        log.info({ actor: principal.id, operation: operation.id, verb }, 'operation')
        return c.json(await presentBackfill(gateway, now), 200, NO_STORE)
      },
    )
  }
}
