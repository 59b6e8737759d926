/** Edges as they are written and shown, on collections and on single assets: in the API and in files of cases. */
import { z } from 'zod'
import { networkOf } from '../lib/network.ts'
import { DEFAULT_LADDER, MAX_AD_HOC_SIDE } from '../model/ad-hoc.ts'
import { LABEL_PATTERN } from '../model/attributes.ts'
import { type Conditions, MEDIA_TYPE_PATTERN, readConditions } from '../model/conditions.ts'
import { type AssetEdge, DELIVERIES, type Edge, type Grant, ROLES } from '../model/product.ts'
import { FORMATS } from '../model/recipe.ts'
import { ATTRIBUTE_PATTERN } from './attributes.ts'

/** ISO 8601 has a year 0, Postgres has not. */
export const Moment = z.iso.datetime().refine(text => !text.startsWith('0000'), 'Expected a year from 1')

const MOST = 50
const LabelName = z.string().regex(LABEL_PATTERN)
const Labels = z
  .strictObject({
    all: z.array(LabelName).min(1).max(MOST).optional().describe('The asset has every one of these'),
    any: z.array(LabelName).min(1).max(MOST).optional().describe('It has at least one of these'),
  })
  .refine(({ all, any }) => all !== undefined || any !== undefined, 'Expected `all`, `any` or both')

export const MediaTypes = z.array(z.string().max(255).toLowerCase().regex(MEDIA_TYPE_PATTERN)).min(1).max(MOST)

const ConditionsBody = z
  .strictObject({
    media_types: MediaTypes.optional().describe('Of the original, as found in its content: `image/png`, `image/*`'),
    labels: Labels.optional(),
    networks: z
      .array(
        z
          .string()
          .refine(
            text => networkOf(text) !== undefined,
            'Expected an address or a block such as 10.0.0.0/8 or 2001:db8::/32',
          ),
      )
      .min(1)
      .max(MOST)
      .optional()
      .describe('Where the caller sits'),
  })
  .meta({ id: 'Conditions', description: 'All that are named have to be met, or the edge is as if it gave nothing' })

const While = {
  not_before: Moment.optional().describe('Until then the edge is as if it gave nothing'),
  expires_at: Moment.optional(),
  conditions: ConditionsBody.optional(),
}

const isWindow = ({ not_before, expires_at }: { not_before?: string | undefined; expires_at?: string | undefined }) =>
  not_before === undefined || expires_at === undefined || Date.parse(not_before) < Date.parse(expires_at)
const WINDOW = { path: ['expires_at'], message: 'Expected an end after not_before' }

const Attributes = z
  .array(z.string().regex(ATTRIBUTE_PATTERN))
  .max(64)
  .optional()
  .describe(
    'What an editor may write of labels, attributes and the focal point: `labels`, `caption`, `seo.*`, `focal_point`; all of it where nothing is said. An owner writes all, a reader nothing.',
  )
const listsForEditor = ({ role, attributes }: { role: string; attributes?: string[] | undefined }) =>
  attributes === undefined || role === 'editor'
const LISTED = {
  path: ['attributes'],
  message: 'Attributes are listed for editors: an owner may write all of them, a reader none',
}

const AdHocBody = z
  .strictObject({
    formats: z
      .array(z.enum(FORMATS))
      .min(1)
      .refine(formats => new Set(formats).size === formats.length, 'Expected each format once')
      .default(['webp', 'jpeg', 'png'])
      .describe('What may be asked for, in the order in which `auto` prefers it'),
    sides: z
      .array(z.int().min(1).max(MAX_AD_HOC_SIDE))
      .min(1)
      .max(64)
      .transform(sides => [...new Set(sides)].sort((a, b) => a - b))
      .optional()
      .describe(
        `Widths and heights are rounded up to one of these, in pixels; unless said, to one of ${DEFAULT_LADDER.join(', ')}`,
      ),
  })
  .meta({ id: 'AdHoc' })

export const EdgeFields = z.strictObject({
  role: z.enum(ROLES),
  original_access: z.boolean().default(false),
  private_metadata: z
    .boolean()
    .default(false)
    .describe('Renditions may keep what tells of a place or a person (`metadata: "all"`)'),
  attributes: Attributes,
  visibility: z.enum(['private', 'public']).default('private'),
  delivery: z.enum(DELIVERIES).default('redirect'),
  ad_hoc: z
    .union([z.literal(false), AdHocBody])
    .optional()
    .describe(
      'Sizes and effects that no rendition is named for, by operations in the path; `false`, as unless said: none',
    ),
  ...While,
})
export const AssetEdgeFields = z.strictObject({
  role: z.enum([...ROLES, 'none']).describe('`none`: the product does not see this asset'),
  original_access: z.boolean().default(false),
  attributes: Attributes,
  visibility: z.enum(['private', 'public']).default('private'),
  ...While,
})
/** What no single field tells. */
const sound = <T extends z.ZodType<Sound>>(fields: T) => fields.refine(isWindow, WINDOW).refine(listsForEditor, LISTED)
interface Sound {
  readonly role: string
  readonly attributes?: string[] | undefined
  readonly not_before?: string | undefined
  readonly expires_at?: string | undefined
}
export const EdgeBody = sound(EdgeFields)
export const AssetEdgeBody = sound(AssetEdgeFields)

type WhileBody = Pick<z.infer<typeof EdgeFields>, keyof typeof While>
const dateOf = (text: string | undefined): Date | undefined => (text === undefined ? undefined : new Date(text))

const whileOf = ({
  not_before,
  expires_at,
  conditions,
}: WhileBody): Pick<Grant, 'notBefore' | 'expiresAt' | 'conditions'> => {
  const { media_types: mediaTypes, labels, networks } = conditions ?? {}
  const stored = { ...(mediaTypes && { mediaTypes }), ...(labels && { labels }), ...(networks && { networks }) }
  return {
    notBefore: dateOf(not_before),
    expiresAt: dateOf(expires_at),
    conditions: Object.keys(stored).length === 0 ? undefined : readConditions(stored),
  }
}

export const edgeOf = (product: string, body: z.infer<typeof EdgeFields>): Edge => ({
  product,
  role: body.role,
  originalAccess: body.original_access,
  privateMetadata: body.private_metadata,
  attributePaths: body.attributes,
  visibility: body.visibility,
  delivery: body.delivery,
  adHoc: body.ad_hoc || undefined,
  ...whileOf(body),
})

export const assetEdgeOf = (product: string, body: z.infer<typeof AssetEdgeFields>): AssetEdge => ({
  product,
  role: body.role,
  originalAccess: body.original_access,
  attributePaths: body.attributes,
  visibility: body.visibility,
  ...whileOf(body),
})

const presentConditions = ({ mediaTypes, labels, networks }: Conditions) => ({
  ...(mediaTypes && { media_types: [...mediaTypes] }),
  ...(labels && {
    labels: { ...(labels.all && { all: [...labels.all] }), ...(labels.any && { any: [...labels.any] }) },
  }),
  ...(networks && { networks: [...networks.blocks] }),
})

const presentWhile = ({ notBefore, expiresAt, conditions }: Grant) => ({
  not_before: notBefore?.toISOString(),
  expires_at: expiresAt?.toISOString(),
  conditions: conditions && presentConditions(conditions),
})

export const presentEdge = (edge: Edge) => ({
  product: edge.product,
  role: edge.role,
  original_access: edge.originalAccess,
  private_metadata: edge.privateMetadata,
  attributes: edge.attributePaths && [...edge.attributePaths],
  visibility: edge.visibility,
  delivery: edge.delivery,
  ad_hoc: edge.adHoc && {
    formats: [...edge.adHoc.formats],
    ...(edge.adHoc.sides && { sides: [...edge.adHoc.sides] }),
  },
  ...presentWhile(edge),
})

export const presentAssetEdge = (edge: AssetEdge) => ({ product: edge.product, ...presentGrant(edge) })

/** What both kinds say. */
export const presentGrant = (edge: Grant) => ({
  role: edge.role,
  original_access: edge.originalAccess,
  attributes: edge.attributePaths && [...edge.attributePaths],
  visibility: edge.visibility,
  ...presentWhile(edge),
})
