/** A publish and an end of an asset that are set for a time (reconcile/schedule.ts carries them out). */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import type { Sql } from '../../manifest/database.ts'
import { appendFacts } from '../../manifest/events.ts'
import { readGate } from '../../manifest/gate.ts'
import { type LockedAsset, lockAsset } from '../../manifest/publish.ts'
import { readSchedule, scheduleFact, writeSchedule } from '../../manifest/schedules.ts'
import { versionPurged, whyGone } from '../../model/asset.ts'
import { refuse } from '../../model/errors.ts'
import type { Schedule } from '../../model/schedule.ts'
import { auditChange } from '../audit.ts'
import { requireIfMatch, requireState } from '../configuration.ts'
import { causeOf, type Env, type MatrixContext } from '../context.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { jsonOnly } from '../middleware/json-only.ts'
import { JSON_ROUTE, json, jsonBody, refusals, security } from '../openapi.ts'
import { assetTag } from '../preconditions.ts'
import { presentSchedule, ScheduleSchema } from '../schedule.ts'
import { AssetIdParam, Moment, Version } from '../validation.ts'
import { nothingHere, permittedAsset } from './assets.ts'

const Body = z
  .strictObject({
    publish: z
      .strictObject({ version: Version, at: Moment })
      .optional()
      .openapi({ description: 'Makes the version the current one at that time, five years ahead at most' }),
    until: Moment.optional().openapi({ description: 'Archives the asset at that time' }),
  })
  .refine(({ publish, until }) => publish !== undefined || until !== undefined, 'Expected `publish`, `until` or both')
  .openapi('ScheduleWish')

const params = z.object({ asset: AssetIdParam })
const headers = z.object({
  'if-match': z.string().optional().openapi({ description: 'ETag of the asset, or `*`; required' }),
})
const Shown = ScheduleSchema.extend({ asset: z.uuid() }).openapi('AssetSchedule')

type Wish = Pick<Schedule, 'until'> & { readonly publish: { readonly version: number; readonly at: Date } | undefined }

const NOTHING: Wish = { publish: undefined, until: undefined }
const MOST_AHEAD_MS = 5 * 365 * 86_400_000

const wishOf = ({ publish, until }: z.infer<typeof Body>): Wish => ({
  publish: publish && { version: publish.version, at: new Date(publish.at) },
  until: until === undefined ? undefined : new Date(until),
})

const isEqual = (one: Wish, other: Wish): boolean =>
  one.publish?.version === other.publish?.version &&
  one.publish?.at.getTime() === other.publish?.at.getTime() &&
  one.until?.getTime() === other.until?.getTime()

/** By the clock that will carry it out; what was set before stays, although its time may have come. Throws `contract-violation`. */
const requireTimes = ({ publish, until }: Wish, { now, before }: { now: Date; before: Wish }): void => {
  const isNew = publish?.at.getTime() !== before.publish?.at.getTime()
  const rules = [
    ['/publish/at', isNew ? publish?.at : undefined, now, 'Expected a time ahead, by five years at most'],
    [
      '/until',
      until,
      publish && publish.at > now ? publish.at : now,
      'Expected a time ahead, by five years at most, and after `publish.at`',
    ],
  ] as const
  const violations = rules.flatMap(([pointer, time, after, message]) =>
    time === undefined || (time > after && time.getTime() - now.getTime() <= MOST_AHEAD_MS)
      ? []
      : [{ pointer, rule: 'time', message }],
  )
  if (violations.length > 0) throw refuse('contract-violation', 'The body does not fit its schema.', { violations })
}

/** Throws `not-found`, `version-purged`, `conflict` and `not-ready`. */
const requireVersion = async (tx: Sql, tenant: string, asset: string, version: number): Promise<void> => {
  const gate = await readGate(tx, tenant, asset, version)
  if (!gate) throw refuse('not-found', 'There is no such version.')
  if (gate.state === 'PURGED') throw versionPurged(version)
  if (gate.state === 'ACTIVE') throw refuse('conflict', `Version ${version} is the current one already.`)
  if (gate.state === 'FAILED')
    throw refuse('not-ready', `Version ${version} is FAILED.`, {
      details: { state: gate.state, blocking: gate.blocking },
    })
}

const said = ({ publish, until }: Wish) => ({
  version: publish?.version,
  publish_at: publish?.at.toISOString(),
  until: until?.toISOString(),
})

export const scheduleRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database } = gateway
  const common = { tags: ['Publish'], security, path: '/v1/assets/{asset}/schedule' }
  const writes = [authenticated(gateway.findPrincipal), requires('publish'), jsonOnly(gateway.config)]

  const answer = (c: MatrixContext, locked: LockedAsset, metadata: number): void => {
    c.header('ETag', assetTag({ publication: locked.publication_no, metadata }))
    c.header('Matrix-Publication', String(locked.publication_no))
    c.header('Cache-Control', 'no-store')
  }

  /** What changes nothing is answered like the change that it repeats, whatever tag it names. */
  const write = async (c: MatrixContext, id: string, wish: Wish): Promise<void> => {
    requireIfMatch(c)
    const { tenant } = c.get('principal')
    const { asset } = await permittedAsset(gateway, c, id, 'publish')
    await database.transaction(async tx => {
      const locked = await lockAsset(tx, tenant, asset)
      if (!locked) throw nothingHere()
      const gone = whyGone({ archived: locked.archived_at !== null, erased: locked.erased_at !== null })
      if (gone) throw gone
      const { now, ...before } = await readSchedule(tx, tenant, asset)
      const resource = `assets/${asset}/schedule`
      if (isEqual(before, wish)) {
        answer(c, locked, locked.metadata_no)
        return auditChange(c, tx, { resource, before: said(before), after: said(wish) })
      }
      requireState(c, assetTag({ publication: locked.publication_no, metadata: locked.metadata_no }))
      requireTimes(wish, { now, before })
      if (wish.publish) await requireVersion(tx, tenant, asset, wish.publish.version)
      const metadata = await writeSchedule(tx, { tenant, asset, cause: causeOf(c) }, wish)
      const { publish, until } = wish
      const shown = { publish: publish && { ...publish, waitingSince: undefined }, until }
      const facts = [scheduleFact(asset, shown, publish || until ? 'set' : 'deleted')]
      await appendFacts(tx, { tenant, asset, cause: causeOf(c), facts })
      await auditChange(c, tx, { resource, before: said(before), after: said(wish) })
      answer(c, locked, metadata)
    })
  }

  app.openapi(
    createRoute({
      ...common,
      method: 'put',
      middleware: writes,
      summary: 'Set the time of a publish, of the end of the asset, or of both, in place of what was set',
      request: { params, headers, ...jsonBody(Body) },
      responses: {
        200: json(Shown, 'What is set; the ETag is that of the asset'),
        ...refusals(
          ...JSON_ROUTE,
          'conflict',
          'not-ready',
          'asset-archived',
          'asset-erased',
          'version-purged',
          'precondition-failed',
          'precondition-required',
        ),
      },
    }),
    async c => {
      const { asset } = c.req.valid('param')
      const wish = wishOf(c.req.valid('json'))
      await write(c, asset, wish)
      const publish = wish.publish && { ...wish.publish, waitingSince: undefined }
      return c.json({ asset, ...presentSchedule({ ...wish, publish }) }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'get',
      middleware: [authenticated(gateway.findPrincipal), requires('assets:read')],
      summary: 'What is set for a time',
      request: { params },
      responses: {
        200: json(Shown, 'The times; the asset shows them, too'),
        ...refusals('unauthenticated', 'forbidden', 'not-found', 'asset-erased'),
      },
    }),
    async c => {
      const asset = await permittedAsset(gateway, c, c.req.valid('param').asset, 'read')
      const shown = presentSchedule(asset.schedule)
      if (!shown) throw refuse('not-found', 'Nothing is set for this asset.')
      c.header('ETag', assetTag(asset))
      c.header('Cache-Control', 'private, no-store')
      return c.json({ asset: asset.asset, ...shown }, 200)
    },
  )

  app.openapi(
    createRoute({
      ...common,
      method: 'delete',
      middleware: writes,
      summary: 'Take back what is set; a version that was to be published stays as it is',
      request: { params, headers },
      responses: {
        204: { description: 'Nothing is set' },
        ...refusals('unauthenticated', 'forbidden', 'not-found', 'asset-archived', 'asset-erased'),
        ...refusals('precondition-failed', 'precondition-required', 'unsupported-media', 'payload-too-large'),
      },
    }),
    async c => {
      await write(c, c.req.valid('param').asset, NOTHING)
      return c.body(null, 204)
    },
  )
}
