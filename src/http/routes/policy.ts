/** Cases put to the matrix: nothing is done, everything is answered with its trail. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { findCollection, findEdge } from '../../manifest/collections.ts'
import { findGrounds } from '../../manifest/grounds.ts'
import { productExists } from '../../manifest/products.ts'
import { refuse, type Violation } from '../../model/errors.ts'
import { UUID_PATTERN } from '../../model/ids.ts'
import {
  answerCase,
  type CaseGrounds,
  type CaseResult,
  edgesOfFile,
  type PolicyCase,
  PolicyCases,
  productOfCase,
  questionOfCase,
} from '../../policy/cases.ts'
import type { Env } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'

const Effect = z.enum(['allow', 'forbid', 'hide'])
const ResultSchema = z
  .object({
    passed: z.int(),
    failed: z.int(),
    results: z.array(
      z.object({
        name: z.string(),
        passed: z.boolean(),
        effect: Effect,
        rule: z.string(),
        expected: z.object({ effect: Effect, rule: z.string().optional() }),
        trail: z.array(z.object({ rule: z.string(), result: z.string() })),
      }),
    ),
  })
  .openapi('PolicyTest')

interface Place {
  readonly one: PolicyCase
  readonly index: number
}

/** A case about something that is not there would pass for the wrong reason. */
const missing = ({ index }: Place, what: 'asset' | 'collection' | 'product', name: string) => {
  const violation: Violation = {
    pointer: `/cases/${index}/${what}`,
    rule: 'exists',
    message: `There is no ${what} ${name}.`,
  }
  return refuse('contract-violation', 'A case is about something that is not there.', { violations: [violation] })
}

const liveGrounds = async (
  { database }: Pick<Gateway, 'database'>,
  tenantId: string,
  place: Place,
): Promise<CaseGrounds & { readonly collection: string }> => {
  const { asset, collection = '' } = place.one
  const productId = productOfCase(place.one)
  if (!(await productExists(database, tenantId, productId))) throw missing(place, 'product', productId)
  if (asset !== undefined) {
    const isId = UUID_PATTERN.test(asset)
    const grounds = isId ? await findGrounds(database, { tenantId, assetId: asset, productId }) : undefined
    if (!grounds) throw missing(place, 'asset', asset)
    return grounds
  }
  if (!(await findCollection(database, tenantId, collection))) throw missing(place, 'collection', collection)
  const edge = await findEdge(database, { tenantId, collectionId: collection, productId })
  return { collection, edges: { collection: edge, asset: undefined } }
}

export const policyRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const answerLive = async (tenant: string, now: number, place: Place): Promise<CaseResult> => {
    const { collection, ...grounds } = await liveGrounds(gateway, tenant, place)
    const question = questionOfCase(place.one, grounds, { tenant, now })
    const subject = { tenant, collection, asset: place.one.asset, rendition: undefined }
    return answerCase(place.one, question, await gateway.policy.decide(question, subject))
  }

  app.openapi(
    createRoute({
      tags: ['Matrix'],
      security,
      method: 'post',
      path: '/v1/policy/test',
      middleware: [authenticated(gateway.findPrincipal), requires('matrix:admin'), jsonOnly(gateway.config)],
      summary:
        'What would be answered to whom: cases with the answers that are expected, put to the live matrix or to edges of their own',
      request: jsonBody(PolicyCases),
      responses: {
        200: json(ResultSchema, 'Every case with its answer; nothing has been done'),
        ...refusals(...JSON_ROUTE),
      },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const { cases, edges } = c.req.valid('json')
      const now = gateway.clock.now()
      const results = []
      for (const [index, one] of cases.entries()) {
        if (edges)
          results.push(answerCase(one, questionOfCase(one, { edges: edgesOfFile(edges, one) }, { tenant, now })))
        else results.push(await answerLive(tenant, now, { one, index }))
      }
      const failed = results.filter(({ passed }) => !passed).length
      const shown = results.map(({ trail, ...rest }) => ({ ...rest, trail: [...trail] }))
      return c.json({ passed: results.length - failed, failed, results: shown }, 200)
    },
  )
}
