import { OpenAPIHono } from '@hono/zod-openapi'
import { HTTPException } from 'hono/http-exception'
import type { Gateway } from '../gateway.ts'
import { type MatrixError, refuse } from '../model/errors.ts'
import type { Env, MatrixContext } from './context.ts'
import { noteDenial } from './denials.ts'
import { openKnownRules } from './known-rules.ts'
import { limited } from './middleware/limited.ts'
import { request } from './middleware/request.ts'
import { asMatrixError, problemResponse } from './problem.ts'
import { refusalHeaders } from './refusal.ts'
import { aliasRoutes } from './routes/aliases.ts'
import { assetGrantRoutes } from './routes/asset-grants.ts'
import { assetRoutes } from './routes/assets.ts'
import { assetsBatchRoutes } from './routes/assets-batch.ts'
import { auditRoutes } from './routes/audit.ts'
import { capabilityRoutes } from './routes/capabilities.ts'
import { collectionRoutes } from './routes/collections.ts'
import { contractConsumerRoutes } from './routes/contract-consumers.ts'
import { contractRoutes } from './routes/contracts.ts'
import { costRoutes } from './routes/costs.ts'
import { deadLetterRoutes } from './routes/dead-letters.ts'
import { deliverRoutes } from './routes/deliver.ts'
import { deliveryRoutes } from './routes/deliveries.ts'
import { draftRoutes } from './routes/drafts.ts'
import { engineRoutes } from './routes/engine.ts'
import { eraseRoutes } from './routes/erase.ts'
import { eventRoutes } from './routes/events.ts'
import { explainRoutes } from './routes/explain.ts'
import { focalPointRoutes } from './routes/focal-points.ts'
import { grantRoutes } from './routes/grants.ts'
import { healthRoutes } from './routes/health.ts'
import { holdRoutes } from './routes/holds.ts'
import { importRoutes } from './routes/import.ts'
import { inboundRoutes } from './routes/inbound.ts'
import { issuerRoutes } from './routes/issuers.ts'
import { keyRotationRoutes } from './routes/key-rotation.ts'
import { keyRoutes } from './routes/keys.ts'
import { manifestRoutes } from './routes/manifest.ts'
import { matrixRoutes } from './routes/matrix.ts'
import { metadataRoutes } from './routes/metadata.ts'
import { operationRoutes } from './routes/operations.ts'
import { originRoutes } from './routes/origin.ts'
import { pictureRoutes } from './routes/picture.ts'
import { policyRoutes } from './routes/policy.ts'
import { preflightRoutes } from './routes/preflight.ts'
import { productRoutes } from './routes/products.ts'
import { progressRoutes } from './routes/progress.ts'
import { provenanceRoutes } from './routes/provenance.ts'
import { publishRoutes } from './routes/publish.ts'
import { purgeRoutes } from './routes/purges.ts'
import { releaseRoutes } from './routes/release.ts'
import { renditionLifeRoutes } from './routes/rendition-life.ts'
import { renditionRoutes } from './routes/renditions.ts'
import { resolveRoutes } from './routes/resolve.ts'
import { resolveBatchRoutes } from './routes/resolve-batch.ts'
import { scheduleRoutes } from './routes/schedule.ts'
import { shareRoutes } from './routes/shares.ts'
import { signingKeyRoutes } from './routes/signing-keys.ts'
import { slaRoutes } from './routes/sla.ts'
import { sourceItemRoutes } from './routes/source-items.ts'
import { sourceRoutes } from './routes/sources.ts'
import { subscriptionSecretRoutes } from './routes/subscription-secrets.ts'
import { subscriptionRoutes } from './routes/subscriptions.ts'
import { systemRoutes } from './routes/system.ts'
import { tenantKeyRoutes } from './routes/tenant-keys.ts'
import { tusRoutes } from './routes/tus.ts'
import { uploadRoutes } from './routes/upload.ts'
import { uploadsRoutes } from './routes/uploads.ts'
import { usageRoutes } from './routes/usage.ts'
import { versionMetadataRoutes } from './routes/version-metadata.ts'
import { versionRoutes } from './routes/versions.ts'
import { withdrawRoutes } from './routes/withdraw.ts'
import { validationHook } from './validation.ts'

const ROUTES = [
  resolveRoutes,
  resolveBatchRoutes,
  pictureRoutes,
  manifestRoutes,
  deliverRoutes,
  preflightRoutes,
  originRoutes,
  uploadRoutes,
  tusRoutes,
  uploadsRoutes,
  importRoutes,
  inboundRoutes,
  sourceRoutes,
  sourceItemRoutes,
  assetRoutes,
  aliasRoutes,
  eventRoutes,
  subscriptionRoutes,
  subscriptionSecretRoutes,
  deliveryRoutes,
  // Before the versions of a subject, for `consumers` is none.
  contractConsumerRoutes,
  contractRoutes,
  versionRoutes,
  assetsBatchRoutes,
  provenanceRoutes,
  versionMetadataRoutes,
  focalPointRoutes,
  progressRoutes,
  metadataRoutes,
  publishRoutes,
  releaseRoutes,
  scheduleRoutes,
  draftRoutes,
  withdrawRoutes,
  eraseRoutes,
  holdRoutes,
  productRoutes,
  usageRoutes,
  keyRoutes,
  tenantKeyRoutes,
  keyRotationRoutes,
  issuerRoutes,
  signingKeyRoutes,
  shareRoutes,
  collectionRoutes,
  grantRoutes,
  assetGrantRoutes,
  policyRoutes,
  matrixRoutes,
  renditionRoutes,
  renditionLifeRoutes,
  explainRoutes,
  deadLetterRoutes,
  operationRoutes,
  purgeRoutes,
  engineRoutes,
  costRoutes,
  auditRoutes,
  capabilityRoutes,
  slaRoutes,
  healthRoutes,
  systemRoutes,
]

/** The API as a fetch handler: `app.request(...)` in tests, a socket in `main.ts`. Throw anywhere; one place answers. */
export const createApp = (gateway: Gateway): OpenAPIHono<Env> => {
  const { log } = gateway
  const app = new OpenAPIHono<Env>({ defaultHook: validationHook })
  app.use(request(gateway))
  app.use(limited(gateway))
  for (const register of ROUTES) register(app, gateway)

  const knownRules = openKnownRules(gateway)

  const headersOf = async (c: MatrixContext, error: MatrixError): Promise<Record<string, string> | undefined> => {
    const asked = c.get('asked')
    if (asked === undefined) return undefined
    const { link, isKept, browser = await knownRules(c.req.param('product')) } = asked
    const origin = c.req.header('origin')
    return refusalHeaders(error, { link, isKept, browser: browser === 'none' ? undefined : browser, origin })
  }

  const answer = async (c: MatrixContext, error: unknown): Promise<Response> => {
    const known = asMatrixError(error)
    const requestId = c.get('requestId') ?? 'req_unknown'
    noteDenial(gateway, c, known)
    if (known.status >= 500) log.error({ err: error, requestId }, 'request failed')
    const headers = await headersOf(c, known)
    return problemResponse(known, { base: gateway.publicBase(), requestId, headers })
  }
  app.notFound(c => answer(c, refuse('not-found', 'There is no such route.')))
  app.onError((error, c) =>
    answer(c, isMalformedJson(error) ? refuse('contract-violation', 'The body is not JSON.', { cause: error }) : error),
  )
  return app
}

/** hono's own refusal of a body that does not parse. */
const isMalformedJson = (error: unknown): boolean => error instanceof HTTPException && error.status === 400
