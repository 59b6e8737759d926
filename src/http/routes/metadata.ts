/** Labels and attributes of an asset, merged as RFC 7396 says. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { mergePatch } from '../../lib/merge-patch.ts'
import { findAsset } from '../../manifest/assets.ts'
import { findCollection } from '../../manifest/collections.ts'
import type { Sql } from '../../manifest/database.ts'
import { type LockedMetadata, lockMetadata, writeMetadata } from '../../manifest/metadata.ts'
import { newlyBroken } from '../../model/attribute-check.ts'
import {
  type Attributes,
  attributeViolations,
  changedPaths,
  LABEL_PATTERN,
  MAX_LABELS,
  type Metadata,
} from '../../model/attributes.ts'
import type { Fields } from '../../model/audit.ts'
import { refuse, type Violation } from '../../model/errors.ts'
import { changedFocal, type FocalPoints } from '../../model/focal.ts'
import type { Grant } from '../../model/product.ts'
import { forbiddenAttributes } from '../../policy/attributes.ts'
import { refocus } from '../../reconcile/refocus.ts'
import { auditChange } from '../audit.ts'
import { requireState } from '../configuration.ts'
import { causeOf, type Env, type MatrixContext } from '../context.ts'
import { FocalPatch, forbiddenFocal, patchFocal, requireFocalProducts } from '../focal.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, refusals, security } from '../openapi.ts'
import { assetTag } from '../preconditions.ts'
import { AssetIdParam } from '../validation.ts'
import { AssetSchema, permitAsset, presentAsset } from './assets.ts'

const PatchBody = z
  .strictObject({
    labels: z
      .array(z.string().regex(LABEL_PATTERN))
      .max(MAX_LABELS)
      .nullable()
      .optional()
      .openapi({ description: 'All labels from now on; null for none' }),
    attributes: z.looseObject({}).nullable().optional().openapi({
      description: 'What is named is replaced, null takes away, objects are merged, arrays are taken whole',
    }),
    ...FocalPatch,
  })
  .openapi('AssetPatch')
const mergeBody = {
  body: {
    required: true,
    content: { 'application/merge-patch+json': { schema: PatchBody }, 'application/json': { schema: PatchBody } },
  },
}

const requireBounded = (attributes: unknown): void => {
  const violations: readonly Violation[] = attributeViolations(attributes)
  if (violations.length > 0) throw refuse('contract-violation', 'The attributes are not within bounds.', { violations })
}

/** What was broken before may stay so; nothing more is broken. */
const requireFit = async (tx: Sql, tenant: string, before: LockedMetadata, after: Metadata): Promise<void> => {
  const schema = (await findCollection(tx, tenant, before.collection))?.attributeSchema
  const violations = newlyBroken(schema, before.attributes, after.attributes)
  if (violations.length > 0)
    throw refuse('contract-violation', 'The attributes are not what the collection says that they are.', { violations })
}

type Patched = Metadata & { readonly focal: FocalPoints | undefined }

const said = ({ labels, attributes, focal }: Metadata & { focal: FocalPoints | null | undefined }): Fields => ({
  labels,
  attributes,
  ...(focal && { focal }),
})

const patched = ({ labels, attributes, focal }: LockedMetadata, patch: z.infer<typeof PatchBody>): Patched => ({
  labels: patch.labels === undefined ? labels : [...new Set(patch.labels)].sort(),
  attributes: patch.attributes === null ? {} : (mergePatch(attributes, patch.attributes ?? {}) as Attributes),
  focal: patchFocal(focal, patch),
})

export const metadataRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway

  /**
   * What changes nothing is answered like the change that it repeats, whatever tag it names (RFC 9110 section 13.1.1): a caller
   * who did not hear the first answer asks again.
   */
  const write = async (
    tx: Sql,
    c: MatrixContext,
    { asset, edge, before, after }: { asset: string; edge: Grant | undefined; before: LockedMetadata; after: Patched },
  ): Promise<void> => {
    const principal = c.get('principal')
    const said = changedPaths(before, after)
    const aimed = changedFocal(before.focal ?? undefined, after.focal)
    const changed = [...said, ...aimed].sort()
    if (changed.length === 0) return
    const forbidden = [...forbiddenAttributes(principal, edge, said), ...forbiddenFocal(principal, edge, aimed)]
    if (forbidden.length > 0)
      throw refuse('attribute-forbidden', 'The product may not write these attributes here.', {
        details: { attributes: forbidden },
      })
    requireState(c, assetTag(before))
    const cause = causeOf(c)
    await writeMetadata(tx, { tenant: principal.tenant, asset, cause }, { ...after, changed })
    if (aimed.length === 0) return
    const focal = { before: before.focal ?? undefined, after: after.focal }
    await refocus(tx, { tenant: principal.tenant, asset, ...focal, cause, maxCpuMs: gateway.config.maxTransformCpuMs })
  }

  app.openapi(
    createRoute({
      tags: ['Assets'],
      security,
      method: 'patch',
      path: '/v1/assets/{asset}',
      middleware: [authenticated(gateway.findPrincipal), requires('assets:write'), jsonOnly(gateway.config)],
      summary: 'Merge labels, attributes and focal points into those of an asset (RFC 7396)',
      request: {
        params: z.object({ asset: AssetIdParam }),
        headers: z.object({
          'if-match': z.string().optional().openapi({ description: 'ETag of the asset, or `*`; required' }),
        }),
        ...mergeBody,
      },
      responses: {
        200: json(AssetSchema, 'The asset as it is now'),
        ...refusals(
          ...JSON_ROUTE,
          'attribute-forbidden',
          'asset-archived',
          'precondition-failed',
          'precondition-required',
        ),
      },
    }),
    async c => {
      if (c.req.header('if-match') === undefined)
        throw refuse('precondition-required', 'Send If-Match with the ETag of the asset, or *.')
      const principal = c.get('principal')
      const { asset: id } = c.req.valid('param')
      const patch = c.req.valid('json')
      if (patch.attributes) requireBounded(patch.attributes)
      const { edge } = await permitAsset(gateway, c, id, 'write')
      await requireFocalProducts(database, principal, patch)
      await database.transaction(async tx => {
        const before = await lockMetadata(tx, principal.tenant, id)
        if (!before) throw refuse('not-found', 'There is no such asset for this product.')
        if (before.archived) throw refuse('asset-archived', 'The asset is archived.')
        const after = patched(before, patch)
        requireBounded(after.attributes)
        await requireFit(tx, principal.tenant, before, after)
        await write(tx, c, { asset: id, edge, before, after })
        await auditChange(c, tx, { resource: `assets/${id}`, before: said(before), after: said(after) })
      })
      // Not asked again: what it said of the asset may be what it was allowed by.
      const asset = await findAsset(database, principal.tenant, id)
      if (!asset) throw refuse('not-found', 'There is no such asset for this product.')
      c.header('ETag', assetTag(asset))
      c.header('Matrix-Publication', String(asset.publication))
      c.header('Cache-Control', 'no-store')
      return c.json(presentAsset(asset), 200)
    },
  )
}
