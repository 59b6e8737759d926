/** Share links: one asset, or some of what a product has of it, for whoever has the link and for as long as its product may. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { answerKey } from '../../manifest/idempotency.ts'
import { listRenditions } from '../../manifest/renditions.ts'
import { insertShare, listShares, lockShare, revokeShare, type Share } from '../../manifest/share-links.ts'
import type { Asset } from '../../model/asset.ts'
import { refuse } from '../../model/errors.ts'
import { hashSecret, newId, newShareToken } from '../../model/ids.ts'
import type { Principal } from '../../model/principal.ts'
import { permitOnAsset } from '../../policy/permission.ts'
import { addressOf } from '../address.ts'
import { auditChange } from '../audit.ts'
import { requireIfMatch, requireState, stateTag } from '../configuration.ts'
import type { Env, MatrixContext } from '../context.ts'
import { requireProduct } from '../existing.ts'
import { announceExposure } from '../exposure.ts'
import { fingerprint, replay, withIdempotencyKey } from '../idempotent.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { AssetIdParam, Moment, Name, Paging, page, readCursor } from '../validation.ts'
import { permittedAsset } from './assets.ts'

const DAY_MS = 86_400_000
const DEFAULT_LIFE_MS = 7 * DAY_MS
const MAX_LIFE_MS = 90 * DAY_MS

const NewShare = z.strictObject({
  product: Name.optional().openapi({
    description: 'In whose name; by default that of the key, of an administrator the owner',
  }),
  renditions: z.array(Name).max(100).optional().openapi({
    description: 'By default whatever the product has; an empty list with `original` is the original alone',
  }),
  original: z.boolean().default(false),
  expires_at: Moment.optional().openapi({ description: 'In 7 days by default, in 90 at most' }),
})
const fields = {
  id: z.string(),
  asset: z.uuid(),
  product: z.string(),
  renditions: z.array(z.string()).optional(),
  original: z.boolean(),
  created_by: z.string(),
  created_at: z.string(),
  expires_at: z.string(),
}
const ShareSchema = z.object({ ...fields, revoked_at: z.string().optional(), etag: z.string() }).openapi('Share')
const MadeSchema = z
  .object({
    ...fields,
    token: z.string().optional().openapi({ description: 'Shown this once' }),
    links: z.array(z.object({ rendition: z.string(), url: z.url() })).optional(),
  })
  .openapi('NewShare')
const params = z.object({ asset: AssetIdParam })
const shareParams = z.object({ share: z.string().regex(/^share_[0-9a-f]{32}$/) })
const shared = refusals(...JSON_ROUTE)

const present = (share: Share) => ({
  id: share.share,
  asset: share.asset,
  product: share.product,
  renditions: share.renditions ?? undefined,
  original: share.original,
  created_by: share.createdBy,
  created_at: share.createdAt.toISOString(),
  expires_at: share.expiresAt.toISOString(),
  revoked_at: share.revokedAt?.toISOString(),
})

const violation = (pointer: string, rule: string, message: string) =>
  refuse('contract-violation', 'The body does not fit its schema.', { violations: [{ pointer, rule, message }] })

/** Throws `contract-violation` for a time that has passed or is too far away. */
const readEnd = (text: string | undefined, now: number): Date => {
  const end = text === undefined ? now + DEFAULT_LIFE_MS : Date.parse(text)
  if (end <= now || end > now + MAX_LIFE_MS)
    throw violation('/expires_at', 'range', 'Expected a time within the next 90 days.')
  return new Date(end)
}

export const shareRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, clock } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('share'), jsonOnly(gateway.config)]
  const common = { tags: ['Resolve'], security, middleware }

  /** Nothing is promised that the link would not be given: it is asked as it will be, by somebody who has nothing else. */
  const requireShown = async (c: MatrixContext, asset: Asset, sharer: Principal, original: boolean): Promise<void> => {
    const { effect, rule } = await permitOnAsset(gateway, {
      asset: asset.asset,
      address: addressOf(c),
      principal: sharer,
      product: sharer.product ?? '',
      action: original ? 'original' : 'resolve',
    })
    if (effect !== 'allow')
      throw refuse('forbidden', 'The product may not show this.', { details: { reasons: [rule] } })
  }

  /** Those that the link shows, by name. Throws `contract-violation` for names that the product does not have. */
  const shownRenditions = async (asset: Asset, tenant: string, product: string, named: string[] | undefined) => {
    const all = await listRenditions(database, tenant, asset.collection)
    const own = new Set(all.filter(one => one.product === product).map(({ name }) => name))
    const unknown = named?.findIndex(name => !own.has(name)) ?? -1
    if (unknown >= 0)
      throw violation(`/renditions/${unknown}`, 'exists', 'The product has no rendition of this name here.')
    return named ?? [...own]
  }

  app.openapi(
    createRoute({
      ...common,
      method: 'post',
      path: '/v1/assets/{asset}/shares',
      summary: 'A link that shows an asset to whoever has it; shown this once',
      request: { params, headers: z.object({ 'idempotency-key': z.string().optional() }), ...jsonBody(NewShare) },
      responses: {
        201: json(MadeSchema, 'The link; a repeated request is answered without token and URLs'),
        ...shared,
        ...refusals('idempotency-key-missing', 'invalid-request', 'idempotency-in-flight'),
        ...refusals('contract-violation', 'idempotency-key-reused', 'asset-archived'),
      },
    }),
    async c => {
      const principal = c.get('principal')
      const { tenant } = principal
      const { asset: assetId } = c.req.valid('param')
      const wish = c.req.valid('json')
      const asset = await permittedAsset(gateway, c, assetId, 'share')
      const product = wish.product ?? principal.product ?? asset.owner
      if (principal.product !== undefined && principal.product !== product)
        throw refuse('forbidden', 'A product shares in its own name.', { details: { reasons: ['other-product'] } })
      await requireProduct(database, { tenant, product, pointer: '/product' })
      if (wish.renditions?.length === 0 && !wish.original)
        throw violation('/renditions', 'min', 'Expected something to share.')
      const sharer: Principal = { tenant, kind: 'share', id: 'new', product, scopes: ['resolve'] }
      await requireShown(c, asset, sharer, wish.original)
      const names = await shownRenditions(asset, tenant, product, wish.renditions)
      const response = await withIdempotencyKey(c, database, async ({ key, answered }) => {
        const print = fingerprint(key.request, JSON.stringify(wish))
        if (answered) return replay(answered, print)
        const expiresAt = readEnd(wish.expires_at, clock.now())
        const token = newShareToken()
        const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }
        const made = await database.transaction(async tx => {
          const share = await insertShare(tx, {
            shareId: `share_${newId().replaceAll('-', '')}`,
            tenantId: tenant,
            productId: product,
            assetId,
            tokenHash: hashSecret(token),
            renditions: wish.renditions ?? null,
            original: wish.original,
            createdBy: principal.id,
            expiresAt,
          })
          // The stored answer is for repeats; a token is shown once, so it is not in there.
          const body = JSON.stringify(present(share))
          await auditChange(c, tx, { resource: `shares/${share.share}`, after: present(share) })
          await answerKey(tx, key, { fingerprint: print, status: 201, headers, body })
          return present(share)
        })
        const path = `${gateway.publicBase()}/share/${token}/i/${product}/${assetId}/current`
        const links = [
          ...names.map(rendition => ({ rendition, url: `${path}/${rendition}.auto` })),
          ...(wish.original ? [{ rendition: 'original', url: `${path}/original` }] : []),
        ]
        return new Response(JSON.stringify({ ...made, token, links }), { status: 201, headers })
      })
      return response as never
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/assets/{asset}/shares',
      summary: 'Share links of an asset that the product made, oldest first, without their tokens',
      request: { params, query: z.strictObject(Paging) },
      responses: {
        200: json(z.object({ items: z.array(ShareSchema), next_cursor: z.string().optional() }), 'A page'),
        ...shared,
        ...refusals('invalid-request', 'invalid-cursor'),
      },
    }),
    async c => {
      const principal = c.get('principal')
      const { limit, cursor } = c.req.valid('query')
      const asset = await permittedAsset(gateway, c, c.req.valid('param').asset, 'share')
      const shares = await listShares(database, {
        tenantId: principal.tenant,
        assetId: asset.asset,
        productId: principal.product,
        after: readCursor(cursor, /^share_[0-9a-f]{32}$/),
        limit: limit + 1,
      })
      const { items, ...rest } = page(shares, limit, ({ share }) => share)
      return c.json({ items: items.map(one => ({ ...present(one), etag: stateTag(present(one)) })), ...rest }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'delete',
      path: '/v1/shares/{share}',
      summary: 'Take a share link back: the next request with it finds nothing',
      request: { params: shareParams },
      responses: {
        204: { description: 'Revoked' },
        ...shared,
        ...refusals('precondition-failed', 'precondition-required'),
      },
    }),
    async c => {
      requireIfMatch(c)
      const { tenant, product } = c.get('principal')
      const { share } = c.req.valid('param')
      await database.transaction(async tx => {
        const before = await lockShare(tx, tenant, share)
        if (!before || (product !== undefined && before.product !== product))
          throw refuse('not-found', 'There is no such share link.')
        requireState(c, stateTag(present(before)))
        await revokeShare(tx, tenant, share)
        const after = await lockShare(tx, tenant, share)
        await auditChange(c, tx, {
          resource: `shares/${share}`,
          before: present(before),
          after: after && present(after),
        })
      })
      announceExposure(c, gateway)
      return c.body(null, 204)
    },
  )
}
