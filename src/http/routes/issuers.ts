/** Whose tokens are believed, and whom they stand for. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import type { Sql } from '../../manifest/database.ts'
import { bySubject, deleteIssuer, findIssuer, listIssuers, putIssuer } from '../../manifest/issuers.ts'
import { findProduct, lockTenant } from '../../manifest/products.ts'
import { refuse, type Violation } from '../../model/errors.ts'
import {
  type Issuer,
  type IssuerSubject,
  jwksUriFault,
  MAX_ISSUERS,
  MAX_SUBJECTS,
  TOKEN_ALGORITHMS,
  TOKEN_NAME,
} from '../../model/issuer.ts'
import { DEFAULT_SCOPES, SCOPES } from '../../model/principal.ts'
import { auditChange } from '../audit.ts'
import { isSeen, requireIfMatch, requireState, stateTag, writeConfiguration } from '../configuration.ts'
import type { Env } from '../context.ts'
import { announceExposure } from '../exposure.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { Name, WriteQuery } from '../validation.ts'

const isUnique = (values: readonly string[]): boolean => new Set(values).size === values.length

const Subject = z
  .strictObject({
    value: z
      .string()
      .min(1)
      .max(255)
      .refine(value => !/[\p{Cc}\p{Cs}]/u.test(value), 'Expected no control characters'),
    product: Name.optional(),
    scopes: z
      .array(z.enum(SCOPES))
      .min(1)
      .refine(scopes => !scopes.includes('origin'), 'Expected no scope origin: caches in front have keys')
      .refine(isUnique, 'Expected each scope once')
      .default([...DEFAULT_SCOPES]),
  })
  .refine(
    ({ product, scopes }) => (product === undefined) === scopes.includes('matrix:admin'),
    'Expected a product, or the scope matrix:admin and none',
  )
const TokenName = z.string().regex(TOKEN_NAME)
const IssuerBody = z.strictObject({
  iss: TokenName.openapi({ description: 'As tokens have it, to the letter', example: 'https://login.example/' }),
  audience: TokenName.openapi({ description: 'The `aud` of tokens that are meant for this tenant' }),
  jwks_uri: z.string().openapi({ description: 'Where its public keys are: https, never taken from a token' }),
  algorithms: z.array(z.enum(TOKEN_ALGORITHMS)).min(1).refine(isUnique, 'Expected each algorithm once'),
  claim: TokenName.default('sub').openapi({ description: 'Whose value `subjects` are looked up by' }),
  subjects: z
    .array(Subject)
    .max(MAX_SUBJECTS)
    .refine(subjects => isUnique(subjects.map(({ value }) => value)), 'Expected each value once'),
})
const IssuerSchema = IssuerBody.extend({ name: z.string() }).openapi('Issuer')

const params = z.object({ name: Name })
const shared = refusals(...JSON_ROUTE)
const conditional = refusals('invalid-request', 'precondition-failed')

const presentSubject = ({ value, product, scopes }: IssuerSubject) => ({ value, product, scopes: [...scopes] })

const presentIssuer = ({ name, iss, audience, jwksUri, algorithms, claim, subjects }: Issuer) => ({
  name,
  iss,
  audience,
  jwks_uri: jwksUri,
  algorithms: [...algorithms],
  claim,
  subjects: subjects.map(presentSubject),
})

const issuerOf = (name: string, body: z.infer<typeof IssuerBody>): Issuer => {
  const { iss, audience, jwks_uri: jwksUri, algorithms, claim } = body
  const subjects = body.subjects.map(({ value, product, scopes }) => ({ value, product, scopes })).sort(bySubject)
  return { name, iss, audience, jwksUri, algorithms, claim, subjects }
}

/** Throws `contract-violation`, with every subject whose product is not there. */
const requireProducts = async (sql: Sql, tenant: string, subjects: readonly IssuerSubject[]): Promise<void> => {
  const known = new Map<string, boolean>()
  const violations: Violation[] = []
  for (const [index, { product }] of subjects.entries()) {
    if (product === undefined) continue
    if (!known.has(product)) known.set(product, (await findProduct(sql, tenant, product)) !== undefined)
    if (known.get(product)) continue
    const message = `There is no product ${product}.`
    violations.push({ pointer: `/subjects/${index}/product`, rule: 'exists', message })
  }
  if (violations.length > 0) throw refuse('contract-violation', 'A product does not exist.', { violations })
}

const noSuchIssuer = () => refuse('not-found', 'There is no such issuer.')

export const issuerRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { config, database } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('matrix:admin'), jsonOnly(config)]
  const common = { tags: ['Matrix'], security, middleware }

  app.openapi(
    createRoute({
      ...common,
      method: 'put',
      path: '/v1/issuers/{name}',
      summary: 'Believe the tokens of an issuer, for the subjects that are named',
      request: { params, query: WriteQuery, ...jsonBody(IssuerBody) },
      responses: {
        201: json(IssuerSchema, 'The issuer, which is new'),
        200: json(IssuerSchema, 'The issuer, or with `validate_only` what would be'),
        ...shared,
        ...conditional,
        ...refusals('upload-incomplete', 'conflict'),
      },
    }),
    async c => {
      const { tenant } = c.get('principal')
      const issuer = issuerOf(c.req.valid('param').name, c.req.valid('json'))
      const fault = jwksUriFault(issuer.jwksUri, { loopbackHttp: config.jwksLoopback })
      if (fault !== undefined)
        throw refuse('contract-violation', 'The key set cannot be there.', {
          violations: [{ pointer: '/jwks_uri', rule: 'url', message: fault }],
        })
      const tries = c.req.valid('query').validate_only === 'true'
      const shown = presentIssuer(issuer)
      const isNew = await writeConfiguration(database, { tries }, async tx => {
        await lockTenant(tx, tenant)
        const found = await findIssuer(tx, tenant, issuer.name)
        const before = found && presentIssuer(found)
        requireState(c, before && stateTag(before))
        if (before === undefined && (await listIssuers(tx, tenant)).length >= MAX_ISSUERS)
          throw refuse('conflict', `A tenant has at most ${MAX_ISSUERS} issuers.`)
        await requireProducts(tx, tenant, issuer.subjects)
        if (before === undefined || stateTag(before) !== stateTag(shown)) await putIssuer(tx, tenant, issuer)
        await auditChange(c, tx, { resource: `issuers/${issuer.name}`, before, after: shown })
        return before === undefined
      })
      if (tries) return c.json(shown, 200)
      c.header('ETag', stateTag(shown))
      return c.json(shown, isNew ? 201 : 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/issuers',
      summary: 'The issuers whose tokens are believed',
      responses: { 200: json(z.object({ items: z.array(IssuerSchema) }), 'All of them'), ...shared },
    }),
    async c => {
      const issuers = await listIssuers(database, c.get('principal').tenant)
      return c.json({ items: issuers.map(presentIssuer) }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      path: '/v1/issuers/{name}',
      summary: 'An issuer whose tokens are believed',
      request: { params },
      responses: { 200: json(IssuerSchema, 'The issuer'), 304: { description: 'Unchanged' }, ...shared },
    }),
    async c => {
      const found = await findIssuer(database, c.get('principal').tenant, c.req.valid('param').name)
      if (!found) throw noSuchIssuer()
      const shown = presentIssuer(found)
      if (isSeen(c, stateTag(shown))) return c.body(null, 304)
      return c.json(shown, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'delete',
      path: '/v1/issuers/{name}',
      summary: 'Believe an issuer no more: the next request with a token of it is refused',
      request: { params, query: WriteQuery },
      responses: {
        204: { description: 'Gone' },
        ...shared,
        ...conditional,
        ...refusals('precondition-required'),
      },
    }),
    async c => {
      requireIfMatch(c)
      const { tenant } = c.get('principal')
      const { name } = c.req.valid('param')
      await writeConfiguration(database, { tries: c.req.valid('query').validate_only === 'true' }, async tx => {
        await lockTenant(tx, tenant)
        const found = await findIssuer(tx, tenant, name)
        if (!found) throw noSuchIssuer()
        const before = presentIssuer(found)
        requireState(c, stateTag(before))
        await deleteIssuer(tx, tenant, name)
        await auditChange(c, tx, { resource: `issuers/${name}`, before })
      })
      announceExposure(c, gateway)
      return c.body(null, 204)
    },
  )
}
