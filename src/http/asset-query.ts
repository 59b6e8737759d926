/** What `GET /v1/assets` may be asked: parsed once, here, into what is looked for. */
import { z } from '@hono/zod-openapi'
import { LIST_STATES } from '../manifest/grounds.ts'
import type { Position } from '../manifest/search.ts'
import {
  type AssetFilter,
  aliasTerm,
  attributeTerm,
  COMPARISONS,
  type Comparison,
  existingTerm,
  isByChange,
  labelTerm,
  SORTS,
  type Sort,
  type Term,
  wordTerm,
} from '../model/asset-filter.ts'
import { LABEL_PATTERN, MAX_LABELS } from '../model/attributes.ts'
import { MEDIA_TYPE_PATTERN } from '../model/conditions.ts'
import { refuse } from '../model/errors.ts'
import { ATTRIBUTE_PATH } from '../policy/attributes.ts'
import { Name, Paging } from './validation.ts'

const MOST_ATTRIBUTES = 10
export const MOST_WORDS = 8
const MAX_VALUE = 500

const list = <T extends z.ZodType<string, string>>(item: T, most: number) =>
  z
    .string()
    .transform(text => text.split(','))
    .pipe(z.array(item).min(1).max(most))
const Count = z.coerce
  .number()
  .int()
  .min(0)
  .max(2 ** 40)
const Moment = z.iso
  .datetime({ offset: true })
  .transform(text => Date.parse(text))
  .openapi({ type: 'string', format: 'date-time' })

const ASKED = new RegExp(
  `^([A-Za-z0-9][A-Za-z0-9_.-]*)(?:(${COMPARISONS.toSorted((a, b) => b.length - a.length).join('|')})(.*))?$`,
  's',
)

const jsonOrText = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text // most of what people say of pictures is no JSON
  }
}

/** `caption`, `price>=10`, `seo.title=Shoe`; `undefined`: none of these. */
const termOf = (text: string): Term | undefined => {
  const [, path = '', comparison, value = ''] = ASKED.exec(text) ?? []
  if (!ATTRIBUTE_PATH.test(path) || path.split('.')[0] === 'labels') return undefined
  if (comparison !== undefined && comparison !== '=' && value === '') return undefined
  return comparison === undefined
    ? existingTerm(path)
    : attributeTerm(path, comparison as Comparison, jsonOrText(value))
}

const Attribute = z
  .string()
  .max(MAX_VALUE)
  .regex(/^\P{Cc}*$/u)
  .transform((text, context): Term => {
    const term = termOf(text)
    if (term !== undefined) return term
    context.addIssue({
      code: 'custom',
      message: 'Expected a path, or a path, one of = > < >= <= and a number or a text.',
    })
    return z.NEVER
  })

export const AssetQuery = z.strictObject({
  collection: Name.optional().openapi({ description: 'Absent: all that you may read' }),
  state: list(z.enum(LIST_STATES), LIST_STATES.length).optional().openapi({
    type: 'string',
    description:
      'One of these, separated by commas: `PENDING`, `ACTIVE`, `ARCHIVED`; `DRAFT`: with a version that has never been published, where the caller may publish it',
  }),
  labels: list(z.string().regex(LABEL_PATTERN), MAX_LABELS)
    .optional()
    .openapi({ type: 'string', description: 'All of these, separated by commas' }),
  attribute: z
    .union([z.array(Attribute).max(MOST_ATTRIBUTES), Attribute.transform(term => [term])])
    .optional()
    .openapi({
      type: 'array',
      items: { type: 'string' },
      description:
        'May be repeated; all of them: `caption` (there is one), `seo.title=Shoe`, `price>=10`, `shot<2024-05-01`. What is JSON is taken as JSON, everything else as text; of an array, one of its items',
    }),
  alias_prefix: z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/)
    .optional(),
  text: z
    .string()
    .min(1)
    .max(200)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u)
    .optional()
    .openapi({
      description: `Beginnings of up to ${MOST_WORDS} words, all of which are in the alias, in the attribute \`title\` or in the file name of the current version`,
    }),
  owner: Name.optional(),
  media_type: list(z.string().toLowerCase().regex(MEDIA_TYPE_PATTERN), 20).optional().openapi({
    type: 'string',
    description: 'Of the current version, one of these, separated by commas: `image/png`, `image/*`',
  }),
  min_bytes: Count.optional(),
  max_bytes: Count.optional(),
  min_width: Count.optional(),
  max_width: Count.optional(),
  min_height: Count.optional(),
  max_height: Count.optional(),
  created_after: Moment.optional(),
  created_before: Moment.optional(),
  updated_after: Moment.optional(),
  updated_before: Moment.optional(),
  sort: z.enum(SORTS).default('created'),
  ...Paging,
})
export type AssetQuery = z.infer<typeof AssetQuery>

/** Asked as lists always were: what one collection has, oldest first. */
export const isPlain = ({ collection, state, limit: _, cursor: __, sort, ...more }: AssetQuery): boolean =>
  collection !== undefined &&
  sort === 'created' &&
  (state?.length ?? 1) === 1 &&
  Object.values(more).every(one => one === undefined)

export const filterOf = (query: AssetQuery, words: readonly string[]): AssetFilter => ({
  states: query.state,
  terms: [
    ...(query.alias_prefix === undefined ? [] : [aliasTerm(query.alias_prefix)]),
    ...words.map(wordTerm),
    ...(query.attribute ?? []),
    ...[...new Set(query.labels)].map(labelTerm),
  ],
  owner: query.owner,
  mediaTypes: query.media_type,
  bytes: { min: query.min_bytes, max: query.max_bytes },
  width: { min: query.min_width, max: query.max_width },
  height: { min: query.min_height, max: query.max_height },
  created: { after: query.created_after, before: query.created_before },
  updated: { after: query.updated_after, before: query.updated_before },
})

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
const PLACE = { created: new RegExp(`^${UUID}$`), updated: new RegExp(`^(\\d{1,18})\\.(${UUID})$`) }

export const writePlace = (sort: Sort, { updated, asset }: Position): string =>
  Buffer.from(isByChange(sort) ? `${updated}.${asset}` : asset).toString('base64url')

/** Throws `invalid-cursor`: it is not one of this order. */
export const readPlace = (sort: Sort, cursor: string | undefined): Position | undefined => {
  if (cursor === undefined) return undefined
  const text = /^[A-Za-z0-9_-]+$/.test(cursor) ? Buffer.from(cursor, 'base64url').toString('utf8') : ''
  if (!isByChange(sort) && PLACE.created.test(text)) return { updated: 0, asset: text }
  const [, updated, asset] = isByChange(sort) ? (PLACE.updated.exec(text) ?? []) : []
  if (updated === undefined || asset === undefined)
    throw refuse('invalid-cursor', 'The cursor is not one that was issued for this order.')
  return { updated: Number(updated), asset }
}
