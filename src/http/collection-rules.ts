/** Rules of a collection, as they are written and shown. */
import { z } from '@hono/zod-openapi'
import { Namespace } from '../ingest/names-wire.ts'
import { type CollectionRules, REQUIRABLE } from '../model/collection-rules.ts'
import { ATTRIBUTE_PATH } from '../policy/attributes.ts'
import { MediaTypes } from '../policy/edge-wire.ts'

const Size = z
  .int()
  .min(1)
  .max(2 ** 40)
const Side = z.int().min(1).max(1_000_000)
const Aspect = z.number().min(0.001).max(1_000)

const PAIRS = [
  ['min_width', 'max_width'],
  ['min_height', 'max_height'],
  ['min_aspect', 'max_aspect'],
] as const

export const RulesBody = z
  .strictObject({
    media_types: MediaTypes.optional().openapi({ example: ['image/jpeg', 'image/png'] }),
    max_bytes: Size.optional(),
    min_width: Side.optional(),
    max_width: Side.optional(),
    min_height: Side.optional(),
    max_height: Side.optional(),
    max_pixels: Size.optional().openapi({ description: 'Of one frame' }),
    max_frames: Side.optional().openapi({ description: 'Of what moves' }),
    min_aspect: Aspect.optional().openapi({ description: 'Width by height, give or take 0.005' }),
    max_aspect: Aspect.optional(),
    alias_prefixes: z
      .array(z.string().regex(/^[\x21-\x7e]{1,100}$/))
      .min(1)
      .max(20)
      .optional()
      .openapi({ description: 'An alias begins with one of these', example: ['sku:'] }),
    alias_namespaces: z
      .array(Namespace)
      .min(1)
      .max(50)
      .optional()
      .openapi({ description: 'Names in other systems are in one of these namespaces', example: ['erp'] }),
    min_trust: z
      .union([z.literal(1), z.literal(2), z.literal(3)])
      .optional()
      .openapi({
        description: 'How far what brings it is trusted at least: 3 sent, 2 by URL, a source as it is configured',
      }),
    required: z
      .array(z.enum(REQUIRABLE))
      .min(1)
      .max(REQUIRABLE.length)
      .optional()
      .openapi({ description: 'Of a new asset; `copyright` and `artist` are EXIF, asked of every version' }),
    required_attributes: z
      .array(z.string().regex(ATTRIBUTE_PATH))
      .min(1)
      .max(50)
      .optional()
      .openapi({ description: 'Of a new asset', example: ['caption', 'seo.title'] }),
    scan: z
      .literal(true)
      .optional()
      .openapi({ description: 'Versions stay PENDING until the scanners that are configured call their bytes clean' }),
  })
  .superRefine((rules, context) => {
    for (const [least, most] of PAIRS)
      if ((rules[least] ?? 0) > (rules[most] ?? Number.POSITIVE_INFINITY))
        context.addIssue({ code: 'custom', path: [least], message: `Expected no more than ${most}` })
  })
  .openapi('CollectionRules')
type RulesBody = z.infer<typeof RulesBody>

/** `undefined`: nothing is asked. */
export const rulesOf = (given: RulesBody | undefined): CollectionRules | undefined =>
  given === undefined || Object.keys(given).length === 0 ? undefined : given

/** In one order, whatever kept them: equal rules have one ETag. */
export const presentRules = (rules: CollectionRules): RulesBody =>
  Object.fromEntries(Object.entries(rules).sort(([one], [other]) => (one < other ? -1 : 1)))
