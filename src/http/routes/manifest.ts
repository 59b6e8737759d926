/** What a product can resolve, whole: for mirrors, sitemaps and copies that are kept by events. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { sha256Hex } from '../../lib/canonical.ts'
import { manifestStamp } from '../../manifest/product-manifest.ts'
import { productExists } from '../../manifest/products.ts'
import { refuse } from '../../model/errors.ts'
import { type ManifestQuestion, manifestText, walkManifest } from '../../resolve/manifest.ts'
import { type CopyLine, compareManifest } from '../../resolve/manifest-compare.ts'
import { addressOf } from '../address.ts'
import { rawBody } from '../body.ts'
import type { Env, MatrixContext } from '../context.ts'
import { essenceOf, refuseEncoded } from '../media-type.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { linesOf, NDJSON, streamOf } from '../ndjson.ts'
import { json, refusals, security } from '../openapi.ts'
import { noneMatch } from '../preconditions.ts'
import { Moment, Name } from '../validation.ts'

const MAX_LINE_BYTES = 1_024

const params = z.object({ product: Name })
const Query = z.strictObject({
  collection: Name.optional().openapi({ description: 'Only assets of this one' }),
  updated_after: Moment.optional().openapi({ description: 'Only assets that something has happened to since' }),
})
const CompareQuery = Query.extend({
  first: z.coerce
    .number()
    .int()
    .min(0)
    .max(10_000)
    .default(100)
    .openapi({ description: 'How many of each kind are named; all are counted' }),
})

const CopyLineSchema = z.object({
  asset: z.uuid(),
  rendition: z.string().max(100),
  format: z.string().max(20),
  digest: z.string().max(100),
})

const named = { asset: z.uuid(), rendition: z.string(), format: z.string() }
const found = (item: z.ZodObject) => z.object({ count: z.number().int(), first: z.array(item) })
const ComparisonSchema = z
  .object({
    in_step: z.boolean(),
    same: z.number().int(),
    missing: found(z.object({ ...named, digest: z.string() })).openapi({ description: 'There, and not in the copy' }),
    extra: found(z.object(named)).openapi({ description: 'In the copy, and not there any more' }),
    stale: found(z.object({ ...named, digest: z.string(), was: z.string() })).openapi({
      description: 'In both, in other bytes',
    }),
    as_of: z.number().int().openapi({ description: 'The last event that is in it for certain' }),
  })
  .openapi('ManifestComparison')

const nothingHere = () => refuse('not-found', 'There is no such product.')

const readLine = ({ number, text }: { number: number; text: string }): CopyLine | undefined => {
  const wrong = (message: string) =>
    refuse('contract-violation', `Line ${number} is not a line of a copy.`, {
      violations: [{ pointer: `/${number}`, rule: 'line', message }],
    })
  let line: unknown
  try {
    line = JSON.parse(text)
  } catch {
    throw wrong('Expected JSON.')
  }
  // A manifest as it was given is a copy, with its last line.
  if (typeof line === 'object' && line !== null && 'trailer' in line) return undefined
  const parsed = CopyLineSchema.safeParse(line)
  if (!parsed.success) throw wrong('Expected asset, rendition, format and digest.')
  return parsed.data
}

async function* copyOf(lines: AsyncIterable<{ number: number; text: string }>): AsyncGenerator<CopyLine> {
  for await (const one of lines) {
    const line = readLine(one)
    if (line !== undefined) yield line
  }
}

export const manifestRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { config, database, policy } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('resolve')]
  const common = { tags: ['Resolve'], security, middleware, path: '/v1/products/{product}/manifest' as const }

  /** Throws `not-found` for a product that is not the caller's, or that is none. */
  const questionOf = async (
    c: MatrixContext,
    product: string,
    { collection, updated_after }: z.infer<typeof Query>,
  ): Promise<ManifestQuestion> => {
    const { tenant, product: own, scopes } = c.get('principal')
    const isThere = scopes.includes('matrix:admin') ? await productExists(database, tenant, product) : own === product
    if (!isThere) throw nothingHere()
    const updatedAfter = updated_after === undefined ? undefined : new Date(updated_after)
    return { tenant, product, collection, updatedAfter, address: addressOf(c) }
  }

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      summary: 'Everything that the product can resolve, a line each, in the order of asset, rendition and format',
      description:
        'NDJSON, read as fast as it is taken. The last line is `{"trailer": {lines, assets, digest, as_of, until, consistent}}`; without it the answer is not whole. Each page is as of its own time: `consistent` says whether nothing changed between the first and the last, and events after `as_of` tell what did.',
      request: { params, query: Query },
      responses: {
        200: { description: 'The lines', content: { [NDJSON]: { schema: z.string() } } },
        304: { description: 'Nothing has happened since: nothing was read' },
        ...refusals('unauthenticated', 'forbidden', 'not-found', 'invalid-request'),
      },
    }),
    async c => {
      const question = await questionOf(c, c.req.valid('param').product, c.req.valid('query'))
      const headers: Record<string, string> = {
        'Cache-Control': 'private, no-cache',
        Vary: 'Authorization',
        'Content-Type': NDJSON,
      }
      // What an engine says nothing here tells of.
      if (policy.isMatrixAlone) {
        const { seq, state } = await manifestStamp(database, question)
        // Where the caller sits is asked by edges alone that have networks.
        headers.ETag = `"${seq}.${sha256Hex(`${state} ${addressOf(c)() ?? ''}`).slice(0, 16)}"`
        if (!noneMatch(c.req.header('if-none-match'), headers.ETag))
          return new Response(null, { status: 304, headers }) as never
      }
      return new Response(streamOf(manifestText(gateway, question)), { headers }) as never
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/products/{product}/manifest/compare',
      summary: 'What a copy lacks, has too much, and has in other bytes',
      description:
        'The body is the copy as NDJSON, a line `{"asset", "rendition", "format", "digest"}` each, sorted by the first three; other members are ignored, so a manifest is a copy. Both are walked side by side, so a copy of any length is compared in constant memory.',
      request: {
        params,
        query: CompareQuery,
        body: { required: true, content: { [NDJSON]: { schema: z.string() } } },
      },
      responses: {
        200: json(ComparisonSchema, 'What is different'),
        ...refusals('unauthenticated', 'forbidden', 'not-found', 'invalid-request'),
        ...refusals('contract-violation', 'unsupported-media', 'upload-incomplete'),
      },
    }),
    async c => {
      const { first, ...query } = c.req.valid('query')
      const question = await questionOf(c, c.req.valid('param').product, query)
      if (essenceOf(c.req.header('content-type') ?? '') !== NDJSON)
        throw refuse('unsupported-media', `Send the copy as ${NDJSON}.`)
      refuseEncoded(c)
      const { seq } = await manifestStamp(database, question)
      const lines = linesOf(rawBody(c), { maxLineBytes: MAX_LINE_BYTES, idleMs: config.uploadIdleMs })
      const { same, missing, extra, stale } = await compareManifest(
        walkManifest(gateway, question),
        copyOf(lines),
        first,
      )
      const isInStep = missing.count + extra.count + stale.count === 0
      return c.json({ in_step: isInStep, same, missing, extra, stale, as_of: seq } as never, 200, {
        'Cache-Control': 'no-store',
      })
    },
  )
}
