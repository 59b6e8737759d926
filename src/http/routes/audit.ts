/** The audit, for administrators: searched, copied and verified. Nothing here writes but the chain itself. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { canonicalText, sha256Hex } from '../../lib/canonical.ts'
import { chainTenant, headOf, unchained, verifyAudit } from '../../manifest/audit-chain.ts'
import { type AuditFilter, listAudit, walkAudit } from '../../manifest/audit-search.ts'
import { ACTOR_KINDS, auditDocument, OUTCOMES, START } from '../../model/audit.ts'
import { refuse } from '../../model/errors.ts'
import { SHA256_PATTERN } from '../../model/ids.ts'
import { requestOf } from '../audit.ts'
import type { Env, MatrixContext } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { json, refusals, security } from '../openapi.ts'
import { Moment, Paging, page, readCursor } from '../validation.ts'

const NO_STORE = { 'Cache-Control': 'no-store' }
const NDJSON = 'application/x-ndjson'

const Hash = z.string().regex(SHA256_PATTERN)
const No = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

const RowSchema = z
  .object({
    no: z.number().int().optional().openapi({ description: 'Place in the chain; absent for a second or so' }),
    id: z.uuid(),
    at: z.string(),
    tenant: z.string(),
    actor: z.string(),
    actor_kind: z.enum(ACTOR_KINDS),
    product: z.string().optional(),
    action: z.string(),
    resource: z.string(),
    outcome: z.enum(OUTCOMES),
    reasons: z.array(z.string()),
    count: z.number().int().openapi({ description: 'How many equal ones it stands for' }),
    request_id: z.string(),
    correlation_id: z.string(),
    client: z.string().optional(),
    before: z.looseObject({}).optional().openapi({ description: 'Of the fields that changed' }),
    after: z.looseObject({}).optional(),
    prev_hash: z.string().optional(),
    hash: z
      .string()
      .optional()
      .openapi({ description: 'SHA-256 of `prev_hash` and the RFC 8785 text of everything but the two hashes' }),
  })
  .openapi('AuditRow')

const Search = z.strictObject({
  actor: z.string().min(1).max(200).optional(),
  action: z.string().min(1).max(100).optional(),
  resource: z.string().min(1).max(500).optional().openapi({ description: 'And everything below it' }),
  outcome: z.enum(OUTCOMES).optional(),
  from: Moment.optional(),
  to: Moment.optional().openapi({ description: 'Not included' }),
  ...Paging,
  after: No.optional().openapi({ description: 'As NDJSON: what has a higher number' }),
})

const PlaceSchema = z.object({ no: z.number().int(), hash: z.string() })
const VerifiedSchema = z
  .object({
    intact: z.boolean(),
    complete: z.boolean().openapi({ description: 'False: go on with `after` and `hash` of `to`' }),
    to: PlaceSchema.openapi({ description: 'As far as every row follows the one before it' }),
    head: PlaceSchema.openapi({ description: 'Note it down elsewhere: from it, a chain that was written anew shows' }),
    unchained: z.number().int(),
    broken: z
      .object({
        no: z.number().int(),
        what: z.enum(['missing', 'unlinked', 'changed', 'other-end']),
        id: z.uuid().optional(),
      })
      .optional()
      .openapi({ description: 'The first row that is not as it was chained' }),
  })
  .openapi('AuditVerification')

const MOST_VERIFIED = 50_000

const filterOf = ({ actor, action, resource, outcome, from, to }: z.infer<typeof Search>): AuditFilter => ({
  actor,
  action,
  resource: resource?.replace(/^\/+|\/+$/g, ''),
  outcome,
  from: from === undefined ? undefined : new Date(from),
  to: to === undefined ? undefined : new Date(to),
})

/** Where the page before ended, and for whom and which question it was. */
const CURSOR = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([0-9a-f-]{36}) ([0-9a-f]{16})$/

const questionOf = (tenant: string, filter: AuditFilter): string =>
  sha256Hex(canonicalText({ tenant, ...JSON.parse(JSON.stringify(filter)) })).slice(0, 16)

const placeAfter = (cursor: string | undefined, question: string) => {
  const [, at, id, asked] = CURSOR.exec(readCursor(cursor, CURSOR) ?? '') ?? []
  if (at === undefined || id === undefined) return undefined
  if (asked !== question || !Moment.safeParse(at).success)
    throw refuse('invalid-cursor', 'The cursor is of another question.')
  return { at: new Date(at), id }
}

/** A window is read when the caller has taken the one before; a caller who goes away ends it. */
const linesOf = (rows: AsyncGenerator<readonly Parameters<typeof auditDocument>[0][]>): ReadableStream<Uint8Array> => {
  const encoder = new TextEncoder()
  return new ReadableStream(
    {
      async pull(controller) {
        for (let next = await rows.next(); !next.done; next = await rows.next()) {
          if (next.value.length === 0) continue
          controller.enqueue(encoder.encode(next.value.map(row => `${JSON.stringify(auditDocument(row))}\n`).join('')))
          return
        }
        controller.close()
      },
      cancel: () => void rows.return(undefined),
    },
    { highWaterMark: 0 },
  )
}

export const auditRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('matrix:admin')]
  const common = { tags: ['Audit'], security, method: 'get' as const, middleware }
  const refused = refusals('unauthenticated', 'forbidden', 'invalid-request')

  const copy = async (c: MatrixContext, filter: AuditFilter, after: number): Promise<Response> => {
    const { tenant } = c.get('principal')
    await chainTenant(database, tenant)
    const upTo = (await headOf(database, tenant))?.no ?? 0
    gateway.journal.note({
      ...requestOf(c),
      who: c.get('principal'),
      action: 'audit.export',
      resource: 'audit',
      outcome: 'allowed',
      reasons: [],
    })
    return c.body(linesOf(walkAudit(database, { tenant, filter, after, upTo })), 200, {
      ...NO_STORE,
      'Content-Type': NDJSON,
      Vary: 'Accept',
    })
  }

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/audit',
      summary: 'Who did what and who was denied: the newest first; as NDJSON all of it, in the order of the chain',
      request: { query: Search },
      responses: {
        200: {
          description: 'A page, or with `Accept: application/x-ndjson` a row a line',
          content: {
            'application/json': { schema: z.object({ items: z.array(RowSchema), next_cursor: z.string().optional() }) },
            [NDJSON]: { schema: z.string() },
          },
        },
        ...refused,
        ...refusals('invalid-request', 'invalid-cursor'),
      },
    }),
    async c => {
      const query = c.req.valid('query')
      const { tenant } = c.get('principal')
      const filter = filterOf(query)
      if (c.req.header('accept')?.includes(NDJSON)) return (await copy(c, filter, query.after ?? 0)) as never
      if (query.after !== undefined) throw refuse('invalid-request', 'after is for NDJSON; pages have a cursor.')
      const question = questionOf(tenant, filter)
      const after = placeAfter(query.cursor, question)
      const rows = await listAudit(database, { tenant, filter, after, limit: query.limit + 1 })
      const { items, ...rest } = page(rows, query.limit, ({ at, id }) => `${at.toISOString()} ${id} ${question}`)
      const shown = items.map(auditDocument) as unknown as z.infer<typeof RowSchema>[]
      return c.json({ items: shown, ...rest }, 200, { ...NO_STORE, Vary: 'Accept' })
    },
  )

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/audit/verify',
      summary: 'Whether every row is as it was chained; names the first that is not',
      request: {
        query: z
          .strictObject({
            after: No.optional().openapi({ description: 'Start behind this row' }),
            hash: Hash.optional().openapi({ description: 'The hash that it had' }),
            limit: z.coerce.number().int().min(1).max(MOST_VERIFIED).default(MOST_VERIFIED),
          })
          .refine(({ after, hash }) => (after === undefined) === (hash === undefined), 'after and hash go together'),
      },
      responses: { 200: json(VerifiedSchema, 'As far as `limit` reaches'), ...refused },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const { after: no, hash, limit: most } = c.req.valid('query')
      await chainTenant(database, tenant)
      const from = no === undefined || hash === undefined ? START : { no, hash }
      const { to, head, broken } = await verifyAudit(database, tenant, { from, most })
      return c.json(
        {
          intact: broken === undefined,
          complete: broken !== undefined || to.no === head.no,
          to,
          head,
          unchained: (await unchained(database, tenant)).rows,
          ...(broken && { broken }),
        },
        200,
        NO_STORE,
      )
    },
  )
}
