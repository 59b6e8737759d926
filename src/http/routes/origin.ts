/**
 * Bytes by their content, for a cache in front with a key of the scope `origin`. Who may have them was decided before, where the
 * front was sent here (http/accel.ts): so what it keeps of this is for its internal location alone and never a public path.
 */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from '@hono/zod-openapi'
import { YEAR_SECONDS } from '../../deliver/answer.ts'
import { ORIGINAL_HEADERS } from '../../deliver/headers.ts'
import type { Gateway } from '../../gateway.ts'
import { openOriginReader } from '../../manifest/origin-read.ts'
import { refuse } from '../../model/errors.ts'
import { type OriginPath, readOriginPath } from '../../model/origin-path.ts'
import { MEDIA_TYPE } from '../../model/recipe.ts'
import { validators } from '../content.ts'
import type { Env, MatrixContext } from '../context.ts'
import { targetOf } from '../link.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { refusals, security } from '../openapi.ts'
import { problemResponse } from '../problem.ts'
import { streamContent } from '../stream.ts'

/** What is not there may be soon, and is asked for by each who waits for it. */
const MISSING_SECONDS = 5

const cacheControl = (scope: 'public' | 'private'): string => `${scope}, max-age=${YEAR_SECONDS}, immutable`

/** An original may be anything, and only a front that was told to keeps it. */
const HEADERS = {
  derivative: { 'Cache-Control': cacheControl('public'), 'X-Content-Type-Options': 'nosniff' },
  original: { 'Cache-Control': cacheControl('private'), ...ORIGINAL_HEADERS, 'Content-Disposition': 'attachment' },
} as const

export const originRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { database, metrics, findPrincipal, publicBase } = gateway
  const read = openOriginReader(database)

  const find = async (c: MatrixContext, { sha256, format }: OriginPath) => {
    const original = format === 'original'
    const stored = await read({ tenant: c.get('principal').tenant, sha256, original })
    return original || stored?.mediaType === MEDIA_TYPE[format] ? stored : undefined
  }

  app.get('/o/:prefix/:file', authenticated(findPrincipal), requires('origin'), async c => {
    const asked = readOriginPath(targetOf(c))
    const stored = asked && (await find(c, asked))
    metrics.originLookups.inc({ outcome: stored ? 'found' : 'missing' })
    if (asked === undefined || stored === undefined) {
      const missing = refuse('not-found', 'There are no such bytes.')
      const response = problemResponse(missing, { base: publicBase(), requestId: c.get('requestId') })
      response.headers.set('Cache-Control', `public, max-age=${MISSING_SECONDS}`)
      return response
    }
    const { sha256, format } = asked
    const kind = format === 'original' ? 'original' : 'derivative'
    return streamContent(c, gateway, {
      kind: kind === 'original' ? kind : 'ready',
      ...stored,
      sha256,
      headers: { 'Content-Type': stored.mediaType, 'Accept-Ranges': 'bytes', ...HEADERS[kind], ...validators(sha256) },
    })
  })

  app.openAPIRegistry.registerPath({
    tags: ['Deliver'],
    security,
    method: 'get',
    path: '/o/{prefix}/{file}',
    summary: 'Bytes by their SHA-256, for a cache in front: `/o/{first two digits}/{sha256}.{ext|original}`',
    description:
      'Needs a key with the scope `origin`. Of the tenant whose key it is; by digest and type, or it is not there.',
    request: { params: z.object({ prefix: z.string(), file: z.string() }) },
    responses: {
      200: { description: 'The bytes; `immutable`, of originals `private`' },
      206: { description: 'The range that was asked for' },
      304: { description: 'What the cache has is what it would get' },
      416: { description: 'The range is outside of the bytes' },
      ...refusals(
        'unauthenticated',
        'forbidden',
        'not-found',
        'precondition-failed',
        'storage-unavailable',
        'dependency-timeout',
      ),
    },
  })
}
