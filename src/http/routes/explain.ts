/** Why an answer is what it is: to a product about itself, to an administrator about anybody. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { hashOfKey } from '../../manifest/explain-read.ts'
import { DPRS } from '../../model/delivery-path.ts'
import { refuse } from '../../model/errors.ts'
import { NAME_PATTERN } from '../../model/ids.ts'
import { type Principal, SCOPES } from '../../model/principal.ts'
import { FORMATS } from '../../model/recipe.ts'
import { unauthenticated } from '../../policy/authenticate.ts'
import { explainResolution } from '../../resolve/explain.ts'
import type { ExplainQuestion } from '../../resolve/explain-types.ts'
import type { Question } from '../../resolve/resolve.ts'
import { addressOf } from '../address.ts'
import type { Env, MatrixContext } from '../context.ts'
import { ExplanationSchema } from '../explanation.ts'
import { urlLifeOf } from '../exposure.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { DELIVERY_MODES } from '../presentation.ts'
import { Name, Version } from '../validation.ts'
import { KeyId } from './keys.ts'

const As = z.union([
  z.literal('anonymous'),
  z.strictObject({ key: KeyId }),
  z.strictObject({ product: Name, scopes: z.array(z.enum(SCOPES)).optional() }),
])
type As = z.infer<typeof As>

const Body = z.strictObject({
  asset: z.uuid(),
  rendition: Name,
  dpr: z.literal(DPRS).optional().openapi({ description: 'Of the screen, where it is not 1' }),
  format: z.enum(['auto', ...FORMATS]).default('auto'),
  accept: z.string().max(500).optional().openapi({ description: 'Explain for a client that sends this Accept header' }),
  version: Version.optional(),
  delivery: z.enum(DELIVERY_MODES).default('redirect'),
  as: As.optional().openapi({
    description:
      'Administrators: who would be answered, a key by its id, a product with scopes, or nobody in particular',
  }),
  address: z.string().max(64).optional().openapi({ description: 'Administrators: where that caller would sit' }),
})
const supposed = (asker: Principal, { product, scopes }: Exclude<As, string | { key: string }>): Principal => ({
  tenant: asker.tenant,
  kind: 'key',
  id: 'supposed',
  product: product,
  scopes: scopes ?? ['resolve'],
})

type Claimed = Pick<ExplainQuestion, 'secretHash' | 'proven'>

const claimAs = async ({ database }: Gateway, asker: Principal, as: As): Promise<Claimed> => {
  if (!asker.scopes.includes('matrix:admin')) throw refuse('forbidden', 'Only an administrator may ask about others.')
  if (as === 'anonymous') return { secretHash: undefined, proven: undefined }
  if (!('key' in as)) {
    const proven = { principal: supposed(asker, as), expiresAt: Number.POSITIVE_INFINITY }
    return { secretHash: undefined, proven }
  }
  const secretHash = await hashOfKey(database, asker.tenant, as.key)
  if (secretHash === undefined) throw refuse('not-found', 'There is no such key.')
  return { secretHash, proven: undefined }
}

/** A key by its id, `anonymous`, or a product: `?as=`. */
const readAs = (text: string): As => {
  if (text === 'anonymous') return text
  const key = KeyId.safeParse(text)
  if (key.success) return { key: key.data }
  if (NAME_PATTERN.test(text)) return { product: text }
  throw refuse('invalid-request', 'as is the id of a key, the name of a product, or anonymous.')
}

type Asked = Pick<
  ExplainQuestion,
  'product' | 'asset' | 'rendition' | 'dpr' | 'format' | 'accept' | 'version' | 'least' | 'mode' | 'fallback'
>

const explain = async (
  c: MatrixContext,
  gateway: Gateway,
  { asker, as, address, ...asked }: Asked & { asker: Principal; as: As | undefined; address: string | undefined },
) => {
  const { database, clock, policy, config } = gateway
  if (asker.product !== asked.product && !asker.scopes.includes('matrix:admin'))
    throw refuse('not-found', 'There is no such asset or rendition for this product.')
  const claimed: Claimed =
    as === undefined ? await gateway.identify(c.req.header('authorization')) : await claimAs(gateway, asker, as)
  const sits = address === undefined ? (as === undefined ? addressOf(c) : undefined) : () => address
  return explainResolution(
    {
      database,
      clock,
      policy,
      tenant: config.tenant,
      life: urlLifeOf(config),
      maxCpuMs: config.maxTransformCpuMs,
      waitQueue: config.waitQueue,
      locate: gateway.locate,
    },
    { ...asked, secretHash: claimed.secretHash, proven: claimed.proven, asker, address: sits },
  )
}

/** `?explain=1` on a resolve: the same question, explained to who asks it. */
export const explainAnswer = async (
  c: MatrixContext,
  gateway: Gateway,
  question: Question & Pick<ExplainQuestion, 'mode' | 'fallback'> & { as: string | undefined },
): Promise<Response> => {
  const asker = await gateway.findPrincipal(c.req.header('authorization'))
  if (!asker) throw unauthenticated()
  const { product, asset, rendition, dpr, format, accept, version, least, mode, fallback } = question
  const as = question.as === undefined ? undefined : readAs(question.as)
  const asked = {
    product,
    asset,
    rendition,
    dpr,
    format,
    accept,
    version,
    least,
    mode,
    fallback,
    asker,
    as,
    address: undefined,
  }
  return Response.json(await explain(c, gateway, asked), { headers: { 'Cache-Control': 'no-store' } })
}

export const explainRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  app.openapi(
    createRoute({
      tags: ['Resolve'],
      security,
      method: 'post',
      path: '/v1/products/{product}/resolve/explain',
      middleware: [authenticated(gateway.findPrincipal), requires('resolve'), jsonOnly(gateway.config)],
      summary: 'How a resolve would be decided, step by step, without doing anything',
      request: { params: z.object({ product: Name }), ...jsonBody(Body) },
      responses: {
        200: json(ExplanationSchema, 'The trail'),
        ...refusals(...JSON_ROUTE),
      },
    }),
    async c => {
      const { product } = c.req.valid('param')
      const { delivery: mode, as, address, accept, version, ...body } = c.req.valid('json')
      const asker = c.get('principal')
      const answer = await explain(c, gateway, { ...body, product, accept, version, mode, asker, as, address })
      return c.json({ ...answer, steps: [...answer.steps] } as never, 200, { 'Cache-Control': 'no-store' })
    },
  )
}
