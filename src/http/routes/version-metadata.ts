/** What the bytes of a version say of themselves: read in one shape, and raw. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { attachment, ORIGINAL_HEADERS } from '../../deliver/headers.ts'
import type { Gateway } from '../../gateway.ts'
import { findBlock, findMetadata } from '../../manifest/original-metadata.ts'
import { versionPurged } from '../../model/asset.ts'
import { refuse } from '../../model/errors.ts'
import { BLOCKS, type Block } from '../../model/reading.ts'
import { permitOnAsset } from '../../policy/permission.ts'
import { addressOf } from '../address.ts'
import { requestOf } from '../audit.ts'
import { stateTag } from '../configuration.ts'
import type { Env, MatrixContext } from '../context.ts'
import { noteAnswer } from '../denials.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { json, refusals, security } from '../openapi.ts'
import { noneMatch } from '../preconditions.ts'
import { coloursOf, presentBlocks, ReadingSchema, SwatchSchema, shownReading } from '../reading.ts'
import { AssetIdParam, VersionParam } from '../validation.ts'
import { permitAsset } from './assets.ts'
import { permittedVersion } from './versions.ts'

const params = z.object({ asset: AssetIdParam, version: VersionParam })
const path = '/v1/assets/{asset}/versions/{version}/metadata'

const MetadataSchema = z
  .object({
    asset: z.uuid(),
    version: z.number().int(),
    state: z
      .enum(['read', 'pending', 'none'])
      .openapi({ description: '`pending`: stored by an earlier release, and read soon. `none`: it is no image' }),
    edition: z.number().int().optional().openapi({ description: 'Of the rules it was read by' }),
    reading: ReadingSchema,
    from: z.record(z.string(), z.enum(BLOCKS)).openapi({ description: 'Which block each field was taken from' }),
    withheld: z.array(z.string()).openapi({ description: 'Fields that are for those who may have the original' }),
    blocks: z
      .record(z.string(), z.object({ bytes: z.number().int(), kept: z.boolean() }))
      .openapi({ description: 'What there is, raw at `…/metadata/{block}` where it is kept' }),
    icc: z
      .object({ name: z.string().optional(), space: z.string(), version: z.string(), bytes: z.number().int() })
      .optional()
      .openapi({ description: 'The colour profile, by what it says of itself' }),
    colours: z
      .array(SwatchSchema)
      .optional()
      .openapi({ description: 'The largest share first; absent until it has been made' }),
  })
  .openapi('VersionMetadata')

const CONTENT_TYPES: Readonly<Record<Block, string>> = {
  exif: 'application/octet-stream',
  iptc: 'application/octet-stream',
  // As ISO 16684-1 registers it.
  xmp: 'application/rdf+xml',
}

export const versionMetadataRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('assets:read')]
  const common = { tags: ['Assets'], security, method: 'get' as const, middleware }
  const shared = refusals('unauthenticated', 'forbidden', 'not-found', 'asset-erased', 'version-purged')

  const mayHaveOriginal = async (c: MatrixContext, { asset, owner }: { asset: string; owner: string }) => {
    const principal = c.get('principal')
    const product = principal.product ?? owner
    const asked = { principal, product, action: 'original' as const, asset, address: addressOf(c) }
    return (await permitOnAsset(gateway, asked)).effect === 'allow'
  }

  app.openapi(
    createRoute({
      ...common,
      path,
      summary: 'What the bytes say of themselves: EXIF, IPTC and XMP in one shape, colour profile, colours',
      request: { params },
      responses: { 200: json(MetadataSchema, 'The reading'), 304: { description: 'Unchanged' }, ...shared },
    }),
    async c => {
      const { asset: id, version } = c.req.valid('param')
      const { asset, found } = await permittedVersion(gateway, c, id, version)
      if (found.state === 'PURGED') throw versionPurged(version)
      const key = { tenant: c.get('principal').tenant, asset: asset.asset, version }
      const metadata = await findMetadata(database, key)
      const { reading, withheld } = shownReading(metadata?.reading.reading ?? {}, await mayHaveOriginal(c, asset))
      const sources = Object.entries(metadata?.reading.sources ?? {}).filter(([field]) => field in reading)
      const shown = {
        asset: asset.asset,
        version,
        state:
          metadata === undefined
            ? ('none' as const)
            : metadata.normaliser === 0
              ? ('pending' as const)
              : ('read' as const),
        edition: metadata?.normaliser || undefined,
        reading,
        from: Object.fromEntries(sources),
        withheld,
        blocks: metadata ? presentBlocks(metadata) : {},
        icc: metadata?.icc ?? undefined,
        colours: coloursOf(metadata),
      }
      const etag = stateTag(shown)
      c.header('ETag', etag)
      c.header('Cache-Control', 'private, no-cache')
      if (!noneMatch(c.req.header('if-none-match'), etag)) return c.body(null, 304)
      return c.json(shown as z.input<typeof MetadataSchema>, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      path: `${path}/{block}`,
      summary: 'EXIF, IPTC or XMP as it stands in the original; for those who may have the original',
      request: { params: params.extend({ block: z.enum(BLOCKS) }) },
      responses: {
        200: {
          description: 'The block',
          content: { 'application/octet-stream': { schema: z.string().openapi({ format: 'binary' }) } },
        },
        ...shared,
        ...refusals('invalid-request', 'not-ready'),
      },
    }),
    async c => {
      const { asset: id, version, block } = c.req.valid('param')
      await permitAsset(gateway, c, id, 'original')
      const { asset, found } = await permittedVersion(gateway, c, id, version)
      if (found.state === 'PURGED') throw versionPurged(version)
      if (found.state === 'PENDING') throw refuse('not-ready', 'The version is held until it has been scanned.')
      const principal = c.get('principal')
      const bytes = await findBlock(database, { tenant: principal.tenant, asset: asset.asset, version }, block)
      if (!bytes) throw refuse('not-found', 'There is no such block, or it is larger than what is kept.')
      noteAnswer(gateway, { kind: 'original', principal, asset: asset.asset, version }, () => requestOf(c))
      return c.body(new Uint8Array(bytes), 200, {
        ...ORIGINAL_HEADERS,
        'Content-Type': CONTENT_TYPES[block],
        'Content-Length': String(bytes.length),
        'Content-Disposition': attachment(`${asset.asset}-v${version}.${block}`),
        'Cache-Control': 'private, no-store',
      })
    },
  )
}
