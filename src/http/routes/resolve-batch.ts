/** Many resolutions in one request, each as it would be answered alone: the same documents, the same problems, the same limits. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { DPRS, ORIGINAL } from '../../model/delivery-path.ts'
import { isMatrixError, type MatrixError, refuse } from '../../model/errors.ts'
import { NAME_PATTERN, UUID_PATTERN } from '../../model/ids.ts'
import { FORMATS } from '../../model/recipe.ts'
import type { Account } from '../../rates/rates.ts'
import { type Asked, isRefused, type Outcome } from '../../resolve/many.ts'
import { nothingHere } from '../../resolve/permit.ts'
import type { OriginalAnswer, Pending, Ready, Unpublished } from '../../resolve/resolve.ts'
import { addressOf } from '../address.ts'
import { requestOf } from '../audit.ts'
import type { Env, MatrixContext } from '../context.ts'
import { learnFor } from '../cross-origin.ts'
import { noteAnswer, noteDenial } from '../denials.ts'
import { parseLeast } from '../least.ts'
import { acrossOrigins } from '../middleware/across-origins.ts'
import { identified } from '../middleware/identified.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, Problem, refusals, security } from '../openapi.ts'
import { pendingDocuments } from '../pending.ts'
import { problemDocument } from '../problem.ts'
import { originalDocument, originalObject, resolutionDocument } from '../ready.ts'
import { Name, Version } from '../validation.ts'
import { PendingSchema, ResolutionSchema } from './resolve.openapi.ts'
import { parseFormat, parseWait } from './resolve.ts'

export const MAX_ITEMS = 200

const Item = z.strictObject({
  asset: z.string().max(100).openapi({ description: 'What cannot be an id is answered like one that names nothing' }),
  rendition: z.string().max(100),
  format: z.enum(['auto', 'jpg', ...FORMATS]).default('auto'),
  version: z.union([Version, z.literal('current')]).optional(),
  dpr: z
    .literal([1, ...DPRS])
    .default(1)
    // Of several literals the printer would show the first.
    .openapi({
      enum: [1, ...DPRS],
      description: 'For a screen with so many pixels to one of the page; not of an original',
    }),
})
type Item = z.infer<typeof Item>
const Items = z.array(Item).min(1).max(MAX_ITEMS)
const Body = z.union([z.strictObject({ items: Items }), Items])

const ItemSchema = z
  .object({
    ref: z.number().int().openapi({ description: 'The place of the item in the request, from 0' }),
    status: z.number().int().openapi({ description: 'As the same question alone would be answered' }),
    resolution: z.union([ResolutionSchema, PendingSchema]).optional(),
    problem: Problem.optional(),
  })
  .openapi('BatchItem')

const textOf = ({ asset, rendition, format, version, dpr }: Item): string =>
  [asset, rendition, format, version ?? 'current', dpr].join('\n')

type Said =
  | { readonly status: 200 | 202; readonly resolution: object }
  | { readonly status: number; readonly problem: object }

/** The request itself counts as one; each further question as one more, and those beyond the limit are told so. */
const withinLimit = (account: Account, index: number): MatrixError | undefined => {
  try {
    if (index > 0) account.take('resolve')
    return undefined
  } catch (error) {
    if (!isMatrixError(error, 'rate-limited')) throw error
    return error
  }
}

export const resolveBatchRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { config, resolveMany, presign, locate, originals, metrics, publicBase } = gateway

  const refused = (c: MatrixContext, { asset, rendition }: Item, error: MatrixError): Said => {
    const product = c.req.param('product') ?? ''
    const named = UUID_PATTERN.test(asset) && NAME_PATTERN.test(rendition)
    const resource = named
      ? `assets/${asset}/products/${product}/renditions/${rendition}`
      : `products/${product}/resolve/batch`
    noteDenial(gateway, c, error, { action: 'resolve', resource })
    return {
      status: error.status,
      problem: problemDocument(error, { base: publicBase(), requestId: c.get('requestId') }),
    }
  }

  const ready = async (c: MatrixContext, answer: Ready | OriginalAnswer): Promise<Said> => {
    noteAnswer(gateway, answer, () => requestOf(c))
    if (answer.kind === 'original') {
      const presigned = await presign(originals, originalObject(answer, undefined))
      return { status: 200, resolution: originalDocument(answer, presigned) }
    }
    return { status: 200, resolution: resolutionDocument(answer, await locate(answer)) }
  }

  const present = async (
    c: MatrixContext,
    items: readonly Item[],
    outcomes: readonly Outcome[],
  ): Promise<readonly Said[]> => {
    const waiting = outcomes.flatMap(outcome =>
      !isRefused(outcome) && (outcome.answer.kind === 'pending' || outcome.answer.kind === 'unpublished')
        ? [outcome.answer as Pending | Unpublished]
        : [],
    )
    const documents = new Map((await pendingDocuments(gateway, waiting)).map((document, at) => [waiting[at], document]))
    return Promise.all(
      outcomes.map(async (outcome, index): Promise<Said> => {
        if (isRefused(outcome)) return refused(c, items[index] as Item, outcome.refusal)
        const { answer } = outcome
        metrics.resolutions.inc({ outcome: answer.kind })
        if (answer.kind === 'ready' || answer.kind === 'original')
          return ready(c, answer).catch(error => {
            // What allows it ends in this second: there is nothing left to sign for.
            if (!isMatrixError(error, 'not-found')) throw error
            return refused(c, items[index] as Item, error)
          })
        return { status: 202, resolution: documents.get(answer) ?? {} }
      }),
    )
  }

  const questionsOf = (c: MatrixContext, items: readonly Item[]): readonly (Asked | MatrixError)[] => {
    const { credential, account } = c.get('identity')
    const product = c.req.param('product') ?? ''
    const waitMs = parseWait(c, undefined, { defaultMs: 0, maxMs: config.maxWaitMs })
    const least = parseLeast(c)
    const learn = learnFor(c)
    const signal = waitMs > 0 ? c.req.raw.signal : undefined
    return items.map(({ asset, rendition, format, version, dpr }, index) => {
      const refusal = withinLimit(account, index)
      if (refusal) return refusal
      if (!NAME_PATTERN.test(rendition) || !UUID_PATTERN.test(asset)) return nothingHere()
      if (dpr !== 1 && rendition === ORIGINAL)
        return refuse('invalid-request', 'An original is what it is on every screen: dpr goes with renditions.')
      return {
        ...credential,
        account,
        traceparent: c.get('traceparent'),
        product,
        asset,
        version: version === 'current' ? undefined : version,
        rendition,
        dpr: dpr === 1 ? undefined : dpr,
        format: parseFormat(format),
        accept: c.req.header('accept'),
        least,
        waitMs,
        learn,
        countSharers: true,
        address: addressOf(c),
        signal,
      }
    })
  }

  app.openapi(
    createRoute({
      tags: ['Resolve'],
      security,
      method: 'post',
      path: '/v1/products/{product}/resolve/batch',
      middleware: [acrossOrigins, identified(gateway), jsonOnly(config)],
      summary: `Up to ${MAX_ITEMS} resolutions at once`,
      description:
        'Each item is answered as it would be alone, in the order of the request; equal items are asked once. Counts as so many requests as there are different items. Three statements of SQL for what is ready, whatever the number. An array in place of the object is taken, too.',
      request: {
        params: z.object({ product: Name }),
        headers: z.object({
          Prefer: z
            .string()
            .optional()
            .openapi({ description: '`wait=N`: wait up to N seconds for all of them together' }),
        }),
        ...jsonBody(Body),
      },
      responses: {
        200: json(z.object({ items: z.array(ItemSchema) }), 'An answer for each item, refusals included'),
        ...refusals(...JSON_ROUTE),
      },
    }),
    async c => {
      const body = c.req.valid('json')
      const asked = 'items' in body ? body.items : body
      const different = [...new Map(asked.map(item => [textOf(item), item])).values()]
      const questions = questionsOf(c, different)
      const answered = await resolveMany(questions.filter(question => !isMatrixError(question)) as Asked[])
      const inOrder = answered.values()
      const outcomes = questions.map(
        (question): Outcome => (isMatrixError(question) ? { refusal: question } : (inOrder.next().value as Outcome)),
      )
      const said = await present(c, different, outcomes)
      const byText = new Map(different.map((item, index) => [textOf(item), said[index] as Said]))
      const items = asked.map((item, ref) => ({ ref, ...(byText.get(textOf(item)) as Said) }))
      return c.json({ items } as never, 200, { 'Cache-Control': 'no-store' })
    },
  )
}
