/** Everything for one `<picture>`: what a page would otherwise put together from a dozen resolutions. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { DPRS, leafNameOf } from '../../model/delivery-path.ts'
import { NAME_PATTERN } from '../../model/ids.ts'
import { type Asked, isRefused } from '../../resolve/many.ts'
import { type NotPictured, pictureFrom } from '../../resolve/picture.ts'
import { addressOf } from '../address.ts'
import type { Env, MatrixContext } from '../context.ts'
import { learnFor } from '../cross-origin.ts'
import { parseLeast } from '../least.ts'
import { acrossOrigins } from '../middleware/across-origins.ts'
import { identified } from '../middleware/identified.ts'
import { json, refusals, security } from '../openapi.ts'
import { PENDING_HEADERS, pendingResponse, RETRY_AFTER_SECONDS, statusUrl } from '../pending.ts'
import { pictureDocument, pictureHeaders } from '../picture.ts'
import { PlaceholderSchema } from '../placeholder.ts'
import { noneMatch } from '../preconditions.ts'
import { DeprecationSchema } from '../rendition.ts'
import { AssetIdParam, Name, VersionParam } from '../validation.ts'
import { PendingSchema } from './resolve.openapi.ts'
import { parseWait } from './resolve.ts'

const MAX_RENDITIONS = 20

const Renditions = z
  .string()
  .max(1_000)
  .transform(text => text.split(','))
  .refine(names => names.every(name => NAME_PATTERN.test(name) && name !== 'original'), 'Expected names of renditions.')
  .refine(names => new Set(names).size === names.length, 'Expected each rendition once.')
  .refine(names => names.length <= MAX_RENDITIONS, `Expected at most ${MAX_RENDITIONS} renditions.`)

const Ratios = z
  .string()
  .max(50)
  .transform(text => [...new Set(['1', ...text.split(',')])])
  .refine(ratios => ratios.every(ratio => ratio === '1' || DPRS.some(dpr => String(dpr) === ratio)), {
    error: `Expected of 1, ${DPRS.join(', ')}.`,
  })
  .transform(ratios => ratios.map(ratio => DPRS.find(dpr => String(dpr) === ratio)))

const Query = z.strictObject({
  renditions: Renditions.openapi({
    type: 'string',
    description: `1 to ${MAX_RENDITIONS} names, separated by commas`,
    example: 'card,hero',
  }),
  sizes: z
    .string()
    .max(500)
    .regex(/^[\w .,()<>=:%+*/-]+$/)
    .optional()
    .openapi({ description: 'Of the element, as HTML has it; by default the page’s width up to that of the widest' }),
  version: z.union([VersionParam, z.literal('current')]).optional(),
  dpr: Ratios.optional().openapi({
    type: 'string',
    description: `Screens to have widths for beside 1, separated by commas: ${DPRS.join(', ')}. Of one rendition they are densities`,
    example: '1,2',
  }),
  wait: z.string().optional().openapi({ description: 'Seconds, like `Prefer: wait=N`' }),
  min: z.string().optional().openapi({ description: 'At least this publication; else 409' }),
})

const Waiting = z.array(z.object({ rendition: z.string(), formats: z.array(z.string()) }))
const LeftOut = z.array(
  z.object({
    rendition: z.string().optional(),
    format: z.string().optional(),
    reason: z.string().openapi({
      description:
        '`other-aspect`: of another shape than the widest; `largest-missing`: the format lacks the widest, and whoever takes it would see a small one enlarged; or the code of a refusal',
    }),
  }),
)

const PictureSchema = z
  .object({
    state: z.literal('ready'),
    asset: z.uuid(),
    version: z.number().int(),
    publication: z.number().int(),
    product: z.string(),
    sources: z
      .array(
        z.object({
          type: z.string().optional(),
          srcset: z.string(),
          sizes: z.string().optional(),
          candidates: z.array(
            z.object({
              rendition: z.string(),
              dpr: z.number().optional(),
              revision: z.number().int(),
              format: z.string(),
              url: z.url(),
              width: z.number().int(),
              height: z.number().int(),
              bytes: z.number().int(),
              digest: z.string(),
            }),
          ),
        }),
      )
      .openapi({ description: 'Best first; the last one is for every browser' }),
    sizes: z.string().optional(),
    img: z.object({
      src: z.url(),
      width: z.number().int(),
      height: z.number().int(),
      alt: z.string().optional().openapi({ description: 'The attribute `alt` of the asset, where it has one' }),
    }),
    placeholder: PlaceholderSchema.optional(),
    pending: Waiting.openapi({ description: 'What is still being made and would make the picture better' }),
    left_out: LeftOut,
    deprecated: z
      .array(DeprecationSchema.extend({ rendition: z.string() }))
      .optional()
      .openapi({ description: 'Those of the renditions that are to go' }),
    delivery: z.object({
      via: z.enum(['gateway', 'cdn', 's3']),
      expires_at: z.iso
        .datetime()
        .optional()
        .openapi({ description: 'When the first of the URLs ends; absent: none does' }),
      cacheable: z.boolean().openapi({ description: 'Whether nothing is pending that would make it better' }),
    }),
    html: z.string().openapi({ description: 'The element, escaped' }),
  })
  .openapi('Picture')

const NotYetSchema = z
  .object({
    state: z.literal('pending'),
    asset: z.uuid(),
    version: z.number().int(),
    pending: Waiting,
    left_out: LeftOut,
    retry_after: z.number(),
    status_url: z.url(),
  })
  .openapi('PendingPicture')

export const pictureRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { clock, config, locateInPage, metrics, resolveMany } = gateway

  const notYet = ({ asset, version, pending, leftOut }: NotPictured): Response => {
    const body = {
      state: 'pending',
      asset,
      version,
      pending,
      left_out: leftOut,
      retry_after: RETRY_AFTER_SECONDS,
      status_url: statusUrl(gateway, asset, version),
    }
    return Response.json(body, { status: 202, headers: PENDING_HEADERS })
  }

  const questionsOf = (
    c: MatrixContext,
    { product, asset }: { product: string; asset: string },
    { renditions, version, wait, min, dpr = [undefined] }: z.infer<typeof Query>,
  ): readonly Asked[] => {
    const { credential, account } = c.get('identity')
    const waitMs = parseWait(c, wait, { defaultMs: 0, maxMs: config.maxWaitMs })
    const learn = learnFor(c)
    const wanted = renditions.flatMap(rendition => dpr.map(ratio => ({ rendition, dpr: ratio })))
    return wanted.map(({ rendition, dpr: ratio }) => ({
      ...credential,
      account,
      traceparent: c.get('traceparent'),
      product,
      asset,
      version: version === 'current' ? undefined : version,
      rendition,
      dpr: ratio,
      format: 'auto',
      // What every browser takes; the other formats are read with it.
      accept: '*/*',
      least: parseLeast(c, min),
      waitMs,
      learn,
      countSharers: true,
      address: addressOf(c),
      signal: waitMs > 0 ? c.req.raw.signal : undefined,
    }))
  }

  app.openapi(
    createRoute({
      tags: ['Resolve'],
      security,
      method: 'get',
      path: '/v1/products/{product}/assets/{asset}/picture',
      middleware: [acrossOrigins, identified(gateway)],
      summary: 'Everything for a `<picture>`: sources by format, widths, placeholder, and the element as text',
      request: { params: z.object({ product: Name, asset: AssetIdParam }), query: Query },
      responses: {
        200: json(PictureSchema, 'The picture, of what is ready'),
        202: json(z.union([NotYetSchema, PendingSchema]), 'Nothing of it is ready yet'),
        304: { description: 'What the caller has is what it would get, and its URLs still live' },
        ...refusals('invalid-request', 'unauthenticated', 'forbidden', 'over-budget', 'not-found', 'not-ready'),
        ...refusals('asset-archived', 'asset-erased', 'unsupported-transform', 'rendition-failed'),
        ...refusals('rate-limited', 'overloaded'),
      },
    }),
    async c => {
      const query = c.req.valid('query')
      const questions = questionsOf(c, c.req.valid('param'), query)
      const outcomes = await resolveMany(questions)
      for (const outcome of outcomes) if (!isRefused(outcome)) metrics.resolutions.inc({ outcome: outcome.answer.kind })
      const picture = pictureFrom(questions.map(leafNameOf), outcomes)
      if (picture.kind === 'unpublished') return (await pendingResponse(c, gateway, picture)) as never
      if (picture.kind === 'pending') return notYet(picture) as never
      const document = await pictureDocument(picture, query.sizes, locateInPage)
      const body = JSON.stringify(document)
      const { expires_at: end } = document.delivery
      const leftMs = end === undefined ? Number.POSITIVE_INFINITY : Date.parse(end) - clock.now()
      const headers = pictureHeaders(body, picture, leftMs)
      if (!noneMatch(c.req.header('if-none-match'), headers.ETag))
        return new Response(null, { status: 304, headers }) as never
      return new Response(body, { headers: { ...headers, 'Content-Type': 'application/json' } }) as never
    },
  )
}
