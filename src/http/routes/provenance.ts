/** Where a version comes from, and what came of it: entrance, source, trust, and the line from its original to each derivative. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { chainKeys, ENGINE_LINE } from '../../graph/key.ts'
import { type Descent, findLineage, findOrigin, type Origin } from '../../manifest/provenance.ts'
import { isMatrixError } from '../../model/errors.ts'
import { digestOf } from '../../model/ids.ts'
import { integrityOf, VERIFIED_BY } from '../../model/integrity.ts'
import { NODE_STATES } from '../../model/node.ts'
import type { Step } from '../../model/recipe.ts'
import { ENTRANCES, trustOf } from '../../model/source.ts'
import type { Env, MatrixContext } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { growing, json, refusals, security } from '../openapi.ts'
import { AssetIdParam, VersionParam } from '../validation.ts'
import { nothingHere, permitAsset, permittedAsset } from './assets.ts'

const LineSchema = z.object({
  product: z.string(),
  rendition: z.string(),
  revision: z.number().int(),
  format: z.string(),
  node: z.string(),
  state: z.enum(NODE_STATES),
  inputs: z
    .array(z.string())
    .openapi({ description: 'Digests of originals: the one of this version, then what is laid on it' }),
  operations: z.array(z.object({ op: z.string(), epoch: z.number().int(), params: z.any() })),
  engine: z.string().optional().openapi({ description: 'Absent where another release made it' }),
  executions: z.number().int(),
  made_at: z.string().optional(),
  digest: z.string().optional(),
  bytes: z.number().int().optional(),
  media_type: z.string().optional(),
})

const ProvenanceSchema = z
  .object({
    asset: z.uuid(),
    version: z.number().int(),
    entrance: z.enum(ENTRANCES).openapi(growing),
    source: z.string().optional().openapi({ description: 'Of another system, by the name that it has here' }),
    ref: z.string().optional(),
    trust: z
      .number()
      .int()
      .openapi({ description: '3: sent by somebody who is known. 2: by URL. Of a source: as it was configured' }),
    by: z.string(),
    at: z.string(),
    filename: z.string().optional(),
    hints: z.any().openapi({ type: 'object', description: 'What the source said of the bytes, unchecked' }),
    identity_hints: z
      .record(z.string(), z.string())
      .optional()
      .openapi({ description: 'What its sender knows of the thing, for those who may write the asset' }),
    integrity: z
      .object({
        digest: z.string(),
        bytes: z.number().int(),
        media_type: z.string(),
        stored_at: z.string(),
        verified_at: z
          .string()
          .openapi({ description: 'When its bytes were last hashed whole, and found to be these' }),
        method: z.enum(VERIFIED_BY).openapi({ description: 'Who did: the gateway on their way in, or a worker' }),
        score: z.number().openapi({
          description:
            '1 when they were hashed just now, 0.5 after 30 days, 0.25 after 60; 0 where others were found since',
        }),
      })
      .optional()
      .openapi({ description: 'Absent where the bytes have been erased' }),
    lineage: z
      .array(LineSchema)
      .openapi({ description: 'For a product its own derivatives, for an administrator all' }),
  })
  .openapi('Provenance')

/** What came again was hashed then, but the object is that of the first time. */
const shownIntegrity = ({ sha256, bytes, mediaType, storedAt, readAt, mismatchAt }: Origin, now: number) => {
  if (sha256 === null || bytes === null || mediaType === null || storedAt === null) return undefined
  const reads = { storedAt, readAt: readAt ?? undefined, mismatchAt: mismatchAt ?? undefined }
  const { verifiedAt, method, score } = integrityOf(reads, now)
  return {
    digest: digestOf(sha256),
    bytes,
    media_type: mediaType,
    stored_at: storedAt.toISOString(),
    verified_at: verifiedAt.toISOString(),
    method,
    score,
  }
}

const lineOf = ({ product, rendition, revision, format, node, state, chain, ...line }: Descent) => {
  const steps = JSON.parse(chain) as Step[]
  // The key has the engine's line in it: where this one gives another key, another made it.
  const isOurs = chainKeys(steps, line.original).at(-1) === node
  return {
    ...{ product, rendition, revision, format, state },
    node: digestOf(node),
    inputs: [line.original, ...line.others.filter(other => other !== line.original)].map(digestOf),
    operations: steps.map(({ op, epoch, params }) => ({ op, epoch, params })),
    engine: isOurs ? ENGINE_LINE : undefined,
    executions: line.executions,
    made_at: line.finishedAt?.toISOString(),
    digest: line.sha256 === null ? undefined : digestOf(line.sha256),
    bytes: line.bytes ?? undefined,
    media_type: line.mediaType ?? undefined,
  }
}

export const provenanceRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway

  /** They may be of people: not for all who may look. */
  const identityHintsFor = async (c: MatrixContext, asset: string, { identityHints }: Origin) => {
    if (identityHints === null || Object.keys(identityHints).length === 0) return undefined
    try {
      await permitAsset(gateway, c, asset, 'write')
      return { ...identityHints }
    } catch (error) {
      if (isMatrixError(error, 'forbidden')) return undefined
      throw error
    }
  }

  app.openapi(
    createRoute({
      tags: ['Assets'],
      security,
      middleware: [authenticated(gateway.findPrincipal), requires('assets:read')],
      method: 'get',
      path: '/v1/assets/{asset}/versions/{version}/provenance',
      summary: 'Where a version comes from, and from what each derivative was made by which operations',
      request: { params: z.object({ asset: AssetIdParam, version: VersionParam }) },
      responses: {
        200: json(ProvenanceSchema, 'Its way in, and the line of its derivatives'),
        ...refusals('unauthenticated', 'forbidden', 'not-found', 'asset-erased'),
      },
    }),
    async c => {
      const { asset: id, version } = c.req.valid('param')
      const { tenant, product } = c.get('principal')
      const { asset } = await permittedAsset(gateway, c, id, 'read')
      const origin = await findOrigin(database, { tenant, asset, version })
      if (!origin) throw nothingHere()
      const lineage = await findLineage(database, { tenant, asset, version, product })
      const { entrance, source, ref, trust, by, at, filename, hints } = origin
      return c.json(
        {
          asset,
          version,
          entrance,
          source: source ?? undefined,
          ref: ref ?? undefined,
          trust: trust ?? trustOf(entrance),
          by,
          at: at.toISOString(),
          filename: filename ?? undefined,
          hints: hints ?? {},
          identity_hints: await identityHintsFor(c, id, origin),
          integrity: shownIntegrity(origin, gateway.clock.now()),
          lineage: lineage.map(lineOf),
        },
        200,
      )
    },
  )
}
