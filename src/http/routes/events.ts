/** The log: pages for who asks, and a stream for who waits. Both go on from a number, and lose nothing. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { audible } from '../../events/audience.ts'
import { type Envelope, envelopeOf } from '../../events/envelope.ts'
import { openHead } from '../../events/head.ts'
import { readPage, type Wanted } from '../../events/pages.ts'
import type { Gateway } from '../../gateway.ts'
import { findEvent, logHead } from '../../manifest/event-log.ts'
import { isMatrixError, refuse } from '../../model/errors.ts'
import { type ToldEvent, toldIn } from '../../model/event.ts'
import type { EventName } from '../../model/event-catalogue.ts'
import { wantedTypes } from '../../model/event-majors.ts'
import { UUID_PATTERN } from '../../model/ids.ts'
import { unauthenticated } from '../../policy/authenticate.ts'
import { addressOf } from '../address.ts'
import type { Env } from '../context.ts'
import { deprecationHeaders } from '../event-deprecation.ts'
import { EventNames } from '../event-names.ts'
import { eventStream, type StreamEvent } from '../event-stream.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { json, refusals, security } from '../openapi.ts'
import { openSeats } from '../seats.ts'
import { Paging } from '../validation.ts'

const STREAM_PAGE = 200
const STILL_HERE_MS = 15_000
/** Whoever still wants to hear connects again, as browsers do by themselves. */
const LONGEST_S = 300

const EnvelopeSchema = z
  .object({
    specversion: z.literal('1.0'),
    id: z.uuid(),
    type: z.string().openapi({ example: 'io.matrix.asset.published.v1' }),
    source: z.string().openapi({ example: '/t/acme' }),
    subject: z.string().openapi({ example: 'assets/01936f3e-8c1a-7c4e-9b0d-3f1f5a0b6c11' }),
    time: z.string(),
    recordedtime: z.string(),
    datacontenttype: z.literal('application/json'),
    dataschema: z.string().openapi({ description: 'The contract of `data`, which a gateway has there' }),
    sequence: z.string().openapi({ description: 'Of the deployment, 20 digits, without gaps before it is filtered' }),
    partitionkey: z.string(),
    correlationid: z.string(),
    causationid: z.uuid().optional().openapi({ description: 'The event that brought it about' }),
    traceparent: z.string().optional().openapi({ description: 'Of the request that it goes back to' }),
    authtype: z.enum(['service_account', 'app_user', 'system']),
    authid: z
      .string()
      .optional()
      .openapi({ description: 'Whose credential it was, for the product that it belongs to and for administrators' }),
    data: z.any().openapi({
      type: 'object',
      description: 'By its type; always `asset`, `asset_event_no` (1, 2, … of the asset) and `mutation`',
    }),
  })
  .openapi('Event')

const Seq = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const filters = {
  types: z
    .string()
    .max(1_000)
    .transform(text => text.split(','))
    .pipe(EventNames)
    .optional()
    .openapi({
      type: 'string',
      description:
        'By comma: `asset.published,asset.erased`; in their first major, or in a later one: `asset.version_failed.v2`. Of one that is to go the answer says so in `Deprecation` (RFC 9745) and `Sunset` (RFC 8594)',
    }),
  subject: z
    .string()
    .regex(new RegExp(`^assets/${UUID_PATTERN.source.slice(1)}`))
    .optional()
    .openapi({ description: '`assets/{id}`: of one asset' }),
}
const wantedOf = ({ types, subject }: { types?: readonly EventName[]; subject?: string }): Wanted => ({
  types: types && wantedTypes(types),
  asset: subject?.slice('assets/'.length),
})

const noSuchEvent = () => refuse('not-found', 'There is no such event for this product.')

export const eventRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, clock, metrics } = gateway
  const middleware = [authenticated(gateway.findPrincipal), requires('events:read')]
  const common = { tags: ['Events'], security, method: 'get' as const, middleware }
  const head = openHead(database)
  const takeSeat = openSeats(metrics.eventStreams)
  const toldAs = (event: ToldEvent): Envelope => envelopeOf(event, gateway.schemaAt)

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/events',
      summary: 'The log of events in its order, as far as the caller may hear of it',
      description:
        'Go on with `next_after` until it does not move. A page looks at `limit` events and shows those that are for the caller, which may be none. What may be heard is decided now, by what the key may read: after a grant is taken nothing of it is told any more.',
      request: {
        query: z.strictObject({
          after: Seq.default(0).openapi({ description: 'Number of the last one that is known; 0: from the beginning' }),
          ...filters,
          limit: Paging.limit,
        }),
      },
      responses: {
        200: json(
          z.object({ items: z.array(EnvelopeSchema), next_after: z.number().int(), head: z.number().int() }),
          'A page',
        ),
        ...refusals('unauthenticated', 'forbidden', 'invalid-request'),
      },
    }),
    async c => {
      const { after, limit, ...filter } = c.req.valid('query')
      const listener = { principal: c.get('principal'), address: addressOf(c) }
      const page = await readPage(gateway, listener, { ...wantedOf(filter), after, limit })
      metrics.eventsTold.inc({ way: 'page' }, page.events.length)
      const headers = { 'Cache-Control': 'no-store', ...deprecationHeaders(filter.types) }
      return c.json({ items: page.events.map(toldAs), next_after: page.nextAfter, head: page.head }, 200, headers)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/events/stream',
      summary: 'Events as they happen, as server-sent events',
      description:
        '`id` is the number, `event` the type with its version, `data` the event. From the end of the log, or after `Last-Event-ID` or `after`. A comment after 15 s of silence, with the number up to which there was nothing for the caller. After `seconds` it ends: connect again with the last id, as browsers do.',
      request: {
        query: z.strictObject({
          after: Seq.optional(),
          ...filters,
          seconds: z.coerce.number().int().min(1).max(LONGEST_S).default(LONGEST_S).openapi({
            description: 'How long it goes on: shorter than what ends quiet connections on the way',
          }),
        }),
        headers: z.object({ 'last-event-id': Seq.optional() }),
      },
      responses: {
        200: { description: 'Events', content: { 'text/event-stream': { schema: z.string() } } },
        ...refusals('unauthenticated', 'forbidden', 'invalid-request', 'rate-limited'),
      },
    }),
    async c => {
      const { after, seconds, ...filter } = c.req.valid('query')
      const wanted = wantedOf(filter)
      const authorization = c.req.header('authorization')
      const address = addressOf(c)
      const from = c.req.valid('header')['last-event-id'] ?? after ?? (await logHead(database))
      const leave = takeSeat(c.get('principal'))

      const tell = async function* (left: AbortSignal): AsyncGenerator<StreamEvent | readonly StreamEvent[]> {
        const until = clock.now() + seconds * 1_000
        let toldAt = clock.now()
        for (let known = from; !left.aborted && clock.now() < until; ) {
          // Anew each time: a key that is revoked hears nothing more.
          const principal = await gateway.findPrincipal(authorization)
          if (principal === undefined) throw unauthenticated()
          const page = await readPage(gateway, { principal, address }, { ...wanted, after: known, limit: STREAM_PAGE })
          known = page.nextAfter
          metrics.eventsTold.inc({ way: 'stream' }, page.events.length)
          if (page.events.length > 0) {
            yield page.events.map(event => eventOf(toldAs(event), event.seq))
            toldAt = clock.now()
          } else if (clock.now() - toldAt >= STILL_HERE_MS) {
            yield { id: String(known), data: undefined }
            toldAt = clock.now()
          }
          if (page.head <= known)
            await head.beyond(known, { atMostMs: Math.min(STILL_HERE_MS, until - clock.now()), signal: left })
        }
      }
      return eventStream(async function* (left) {
        try {
          yield* tell(left)
        } catch (error) {
          // The status has been sent.
          yield { event: 'problem', data: { code: isMatrixError(error) ? error.code : 'internal' } }
        } finally {
          leave()
        }
      }, deprecationHeaders(filter.types)) as never
    },
  )

  app.openapi(
    createRoute({
      ...common,
      path: '/v1/events/{event}',
      summary: 'An event',
      request: {
        params: z.object({ event: z.string().regex(UUID_PATTERN) }),
        query: z.strictObject({
          major: z.coerce.number().int().min(1).max(99).default(1).openapi({ description: 'In which it is told' }),
        }),
      },
      responses: {
        200: json(EnvelopeSchema, 'The event'),
        ...refusals('unauthenticated', 'forbidden', 'not-found', 'invalid-request'),
      },
    }),
    async c => {
      const principal = c.get('principal')
      const { major } = c.req.valid('query')
      const found = await findEvent(database, principal.tenant, c.req.valid('param').event)
      const told = found ? [toldIn(major, found)] : []
      const [event] = await audible(gateway, { principal, address: addressOf(c) }, told)
      if (!event) throw noSuchEvent()
      if (event.major !== major) throw refuse('not-found', `Of its type there is no major ${major}.`)
      c.header('Cache-Control', 'no-store')
      return c.json(toldAs(event), 200)
    },
  )
}

const eventOf = (envelope: Envelope, seq: number): StreamEvent => ({
  event: envelope.type.replace(/^io\.matrix\./, ''),
  id: String(seq),
  data: envelope,
})
