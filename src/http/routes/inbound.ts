/**
 * What another system says when something is new with it. It is kept as it came, and answered as soon as it is; what it leads to is
 * done afterwards (ingest/source-work.ts). A source that is not there is answered like one whose signature is wrong.
 */
import { createHash } from 'node:crypto'
import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import { adapt } from '../../ingest/adapters/adapt.ts'
import { insertSourceEvent } from '../../manifest/source-events.ts'
import { findSource, type KeptSource } from '../../manifest/sources.ts'
import { isMatrixError, refuse } from '../../model/errors.ts'
import { NAME_PATTERN, newId } from '../../model/ids.ts'
import { principalOf, sourceSecretPlace } from '../../model/source-system.ts'
import { isSignedBy } from '../../policy/source-signature.ts'
import { auditChange } from '../audit.ts'
import type { Env, MatrixContext } from '../context.ts'
import { boundedBody } from '../middleware/json-only.ts'
import { json, refusals } from '../openapi.ts'

const AcceptedSchema = z
  .object({
    accepted: z.number().int().openapi({ description: 'Assets that it leads to; 0 where it says nothing new' }),
    duplicate: z.boolean().openapi({ description: 'It has been sent before, and is not done again' }),
    event: z.uuid().optional().openapi({ description: 'Absent of a duplicate' }),
  })
  .openapi('AcceptedEvent')

/** Compared with where there is no source. */
const NOBODY = { scheme: 'standard-webhooks', header: undefined } as const
const NO_SECRET = `whsec_${Buffer.alloc(24).toString('base64')}`

export const inboundRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { config, database, sealing, clock, metrics } = gateway
  const { tenant } = config

  /** Throws `bad-signature`. */
  const proven = async (c: MatrixContext, raw: Buffer): Promise<KeptSource> => {
    const name = c.req.param('source') ?? ''
    const source = NAME_PATTERN.test(name) ? await findSource(database, tenant, name) : undefined
    const secret = source && sealing.open(source.secret, sourceSecretPlace({ tenant, name }))
    const signed = { header: (header: string) => c.req.header(header), body: raw, now: clock.now() }
    const isSigned = isSignedBy(source ?? NOBODY, secret ?? NO_SECRET, signed)
    if (!source || secret === undefined || !isSigned)
      throw refuse('bad-signature', 'There is no such source, or this is not its signature.')
    return source
  }

  /** Its own id of what it says, where the scheme gives it one that is signed; else what the payload says. */
  const keyOf = (c: MatrixContext, { scheme }: KeptSource, payloadKey: string): Buffer => {
    const [kind, id] =
      scheme === 'standard-webhooks' ? ['webhook-id', c.req.header('webhook-id') ?? ''] : ['payload', payloadKey]
    return createHash('sha256').update(`${kind}\n${id}`).digest()
  }

  const accept = async (c: MatrixContext): Promise<z.infer<typeof AcceptedSchema>> => {
    const raw = await boundedBody(c, config)
    const source = await proven(c, raw)
    const principal = principalOf(tenant, source)
    c.set('principal', principal)
    await c.get('admit')({ principal })
    const { key: payloadKey, wishes } = adapt(raw, source)
    const key = keyOf(c, source, payloadKey)
    const event = newId()
    const isNew = await database.transaction(async tx => {
      const externalIds = wishes.map(({ externalId }) => externalId)
      if (!(await insertSourceEvent(tx, { tenant, id: event, source: source.name, key, raw, externalIds })))
        return false
      await auditChange(c, tx, {
        resource: `sources/${source.name}/events/${event}`,
        after: { bytes: raw.length, items: wishes.length },
      })
      return true
    })
    return isNew ? { accepted: wishes.length, duplicate: false, event } : { accepted: 0, duplicate: true }
  }

  app.post('/v1/ingest/:source', async c => {
    try {
      const answer = await accept(c)
      metrics.sourceEvents.inc({ result: answer.duplicate ? 'duplicate' : 'accepted' })
      c.header('Cache-Control', 'no-store')
      return c.json(answer, 202)
    } catch (error) {
      metrics.sourceEvents.inc({ result: isMatrixError(error) ? error.code : 'internal' })
      throw error
    }
  })

  app.openAPIRegistry.registerPath({
    tags: ['Ingest'],
    method: 'post',
    path: '/v1/ingest/{source}',
    summary: 'A webhook of another system, signed as its source is configured',
    request: {
      params: z.object({ source: z.string() }),
      body: { required: true, content: { 'application/json': { schema: z.any() } } },
    },
    responses: {
      202: json(AcceptedSchema, 'Kept; what it leads to is done afterwards'),
      ...refusals('bad-signature', 'contract-violation', 'conflict', 'upload-incomplete', 'payload-too-large'),
      ...refusals('unsupported-media', 'rate-limited'),
    },
  })
}
