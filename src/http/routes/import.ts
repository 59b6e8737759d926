/** Many assets by one manifest: taken whole, carried on by whichever process sweeps, and told line by line. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { answerKey } from '../../manifest/idempotency.ts'
import { insertSagaSteps, listSteps } from '../../manifest/saga-steps.ts'
import { insertSaga } from '../../manifest/sagas.ts'
import { isMatrixError, MatrixError, refuse } from '../../model/errors.ts'
import { SAGA_STEP_STATES } from '../../model/saga.ts'
import { trustOf } from '../../model/source.ts'
import { addressOf } from '../address.ts'
import { auditChange } from '../audit.ts'
import { rawBody } from '../body.ts'
import type { Env, MatrixContext } from '../context.ts'
import { fingerprint, replay, withIdempotencyKey } from '../idempotent.ts'
import { type Manifest, readManifest } from '../import-lines.ts'
import { ImportResultSchema, presentResult, RESULT_STATES, stepStatesOf } from '../import-result.ts'
import { essenceOf, refuseEncoded } from '../media-type.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { NDJSON } from '../ndjson.ts'
import { json, refusals, security } from '../openapi.ts'
import { ImportSchema, permittedImport, presentImport } from '../operations/imports.ts'
import { AssetIdParam, Paging, page, readCursor } from '../validation.ts'

export const importRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, config, ingest } = gateway
  const authenticate = authenticated(gateway.findPrincipal)

  /** What nobody may do is not begun: asked of each collection once, of each line again when it is run. */
  const authorise = async (c: MatrixContext, { input, firstOf }: Manifest): Promise<void> => {
    for (const [collection, labels] of Object.entries(input.collections)) {
      const destination = { kind: 'asset' as const, collection, alias: undefined, labels }
      try {
        await ingest.authorise({
          principal: c.get('principal'),
          destination,
          trust: trustOf('import'),
          address: addressOf(c),
        })
      } catch (error) {
        if (!isMatrixError(error)) throw error
        // What a collection takes is asked of each line for itself.
        if (error.code === 'contract-violation') continue
        const { code, message, publicMessage, details, denied } = error
        const violations = [
          { pointer: `/${firstOf.get(collection)}/collection`, rule: code, message: publicMessage ?? message },
        ]
        throw new MatrixError(code, message, { publicMessage, violations, details, denied })
      }
    }
  }

  app.openapi(
    createRoute({
      tags: ['Ingest'],
      security,
      method: 'post',
      path: '/v1/assets/import',
      middleware: [authenticate, requires('assets:write')],
      summary: 'Make assets and versions by a manifest, a line each',
      description:
        'The body is NDJSON, a line of the schema `ImportLine` each. It is read whole before anything is begun: where a line does not fit, the answer names it and nothing was done. The operation at `Location` tells how far it is, its results what became of each line.',
      request: {
        headers: z.object({ 'idempotency-key': z.string().optional() }),
        body: { required: true, content: { [NDJSON]: { schema: z.string() } } },
      },
      responses: {
        202: json(ImportSchema, 'Taken; the operation at `Location` carries it out'),
        ...refusals('unauthenticated', 'forbidden', 'not-found', 'idempotency-key-missing', 'invalid-request'),
        ...refusals('attribute-forbidden', 'over-budget', 'upload-incomplete', 'idempotency-in-flight'),
        ...refusals('payload-too-large', 'unsupported-media', 'contract-violation', 'idempotency-key-reused'),
      },
    }),
    async c => {
      const principal = c.get('principal')
      if (essenceOf(c.req.header('content-type') ?? '') !== NDJSON)
        throw refuse('unsupported-media', `Send the manifest as ${NDJSON}.`)
      refuseEncoded(c)
      const { importLines: maxLines, importBytes: maxBytes, uploadIdleMs: idleMs } = config
      const response = await withIdempotencyKey(c, database, async ({ key, answered }) => {
        const manifest = await readManifest(rawBody(c), { maxLines, maxBytes, idleMs })
        const print = fingerprint(key.request, manifest.sha256)
        if (answered) return replay(answered, print)
        await authorise(c, manifest)
        return database.transaction(async tx => {
          const saga = await insertSaga(tx, {
            kind: 'import',
            principal,
            client: addressOf(c)() ?? null,
            correlationId: c.get('correlationId'),
            traceparent: c.get('traceparent'),
            input: manifest.input,
            total: manifest.lines.length,
          })
          await insertSagaSteps(tx, saga, manifest.lines)
          const body = JSON.stringify(await presentImport({ database: tx, clock: gateway.clock }, saga))
          const headers = {
            'Content-Type': 'application/json',
            'Cache-Control': 'no-store',
            Location: `/v1/operations/${saga.id}`,
            'Retry-After': '1',
          }
          const after = { lines: saga.total, collections: Object.keys(manifest.input.collections) }
          await auditChange(c, tx, { resource: `operations/${saga.id}`, after })
          await answerKey(tx, key, { fingerprint: print, status: 202, headers, body })
          return new Response(body, { status: 202, headers })
        })
      })
      return response as never
    },
  )

  app.openapi(
    createRoute({
      tags: ['Ingest'],
      security,
      method: 'get',
      path: '/v1/operations/{operation}/results',
      middleware: [authenticate, requires('assets:read')],
      summary: 'What became of each line of an import, in their order',
      request: {
        params: z.object({ operation: AssetIdParam }),
        query: z.strictObject({ state: z.enum(RESULT_STATES).optional(), ...Paging }),
      },
      responses: {
        200: json(z.object({ items: z.array(ImportResultSchema), next_cursor: z.string().optional() }), 'A page'),
        ...refusals('unauthenticated', 'forbidden', 'not-found', 'invalid-request', 'invalid-cursor'),
      },
    }),
    async c => {
      const { state, limit, cursor } = c.req.valid('query')
      const saga = await permittedImport(gateway, c.get('principal'), c.req.valid('param').operation)
      if (!saga) throw refuse('not-found', 'There is no such import for this key.')
      const after = Number(readCursor(cursor, /^\d{1,6}$/) ?? 0)
      const states = state === undefined ? SAGA_STEP_STATES : stepStatesOf(state)
      const found = await listSteps(database, saga, { after, states, limit: limit + 1 })
      const { items, ...rest } = page(found, limit, ({ no }) => String(no))
      return c.json({ items: items.map(presentResult), ...rest }, 200, { 'Cache-Control': 'no-store' })
    },
  )
}
