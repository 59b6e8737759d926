/** Uploads that can be resumed: tus 1.0 (https://tus.io/protocols/resumable-upload), with its library for the rules of its verbs. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { Server } from '@tus/server'
import type { Gateway } from '../../gateway.ts'
import { findTusUpload, type TusAnswer } from '../../manifest/tus-uploads.ts'
import { isMatrixError, refuse } from '../../model/errors.ts'
import { newId, UUID_PATTERN } from '../../model/ids.ts'
import { trustOf } from '../../model/source.ts'
import { addressOf } from '../address.ts'
import type { Env, MatrixContext } from '../context.ts'
import { essenceOf, refuseEncoded } from '../media-type.ts'
import { authenticated, requires } from '../middleware/authenticated.ts'
import { offer, tusAnswers, VERSION } from '../tus/answers.ts'
import { failureOf, failureOfAnswer } from '../tus/failures.ts'
import { finishUpload } from '../tus/finish.ts'
import { openLocker } from '../tus/locker.ts'
import { presentUpload } from '../tus/present.ts'
import { type Hand, noUpload, openStore } from '../tus/store.ts'
import { readWish } from '../tus/wish.ts'
import { documentTus } from './tus.openapi.ts'

const PATH = '/v1/tus'
const BYTES = 'application/offset+octet-stream'

const requireProtocol = (c: MatrixContext): void => {
  if (c.req.header('tus-resumable') !== VERSION) throw refuse('tus-version', `Send Tus-Resumable: ${VERSION}.`)
  refuseEncoded(c)
  const type = c.req.header('content-type')
  if (c.req.method === 'PATCH' && (type === undefined || essenceOf(type) !== BYTES))
    throw refuse('unsupported-media', `Send the bytes as ${BYTES}.`)
}

const idOf = (c: MatrixContext): string => {
  const id = c.req.param('upload') ?? ''
  if (!UUID_PATTERN.test(id)) throw noUpload()
  return id
}

const locationOf = ({ headers }: TusAnswer) => ({ Location: `/v1/assets/${headers['Matrix-Asset']}` })

export const tusRoutes = (app: OpenAPIHono<Env>, gateway: Gateway): void => {
  const { config, ingest, metrics, database } = gateway
  const locker = openLocker()
  const guard = [tusAnswers(gateway), authenticated(gateway.findPrincipal), requires('assets:write')] as const

  /** Throws `invalid-request` and what `authorise` does: what cannot become anything is not begun. */
  const begin = async (c: MatrixContext, size: number | undefined, metadata: Record<string, string | null>) => {
    if (size === undefined || size === 0) throw refuse('invalid-request', 'Upload-Length is 1 or more.')
    const wish = readWish(metadata)
    const { destination, aliases } = wish
    const trust = trustOf('tus')
    const asked = { principal: c.get('principal'), destination, aliases, trust, address: addressOf(c) }
    const { max_bytes: limit = size } = (await ingest.authorise(asked)).collection.rules ?? {}
    if (size > limit) throw refuse('payload-too-large', `The limit is ${limit} bytes.`, { details: { limit } })
    return wish
  }

  const speak = async (c: MatrixContext, id: string): Promise<Response> => {
    requireProtocol(c)
    const hand: Hand = { wish: undefined, whole: undefined, done: undefined }
    let failure: unknown
    const server = new Server({
      path: PATH,
      relativeLocation: true,
      datastore: openStore(c, gateway, hand),
      locker,
      // What it has is kept at once: whoever asks again is its own sender. 0 would be the default, 3 s.
      lockDrainTimeout: 1,
      // Which pages may read it is said by us (tus/answers.ts).
      allowedOrigins: () => false,
      maxSize: config.maxResumableBytes,
      namingFunction: () => id,
      getFileIdFromRequest: () => id,
      async onUploadCreate(_request, { size, metadata = {} }) {
        hand.wish = await begin(c, size, metadata)
        return {}
      },
      async onUploadFinish() {
        const answer = hand.whole ? await finishUpload(c, gateway, hand.whole) : hand.done
        if (answer === undefined) throw noUpload()
        return { headers: { ...answer.headers, ...(c.req.method === 'PATCH' && locationOf(answer)) } }
      },
      onResponseError(_request, error) {
        failure = failureOf(error)
        return undefined
      },
    })
    const response = await server.handleWeb(c.req.raw)
    if (failure !== undefined) throw failure
    response.headers.delete('access-control-expose-headers')
    if (response.status >= 400) throw await failureOfAnswer(response)
    if (hand.done && c.req.method === 'HEAD')
      for (const [name, value] of Object.entries({ ...hand.done.headers, ...locationOf(hand.done) }))
        response.headers.set(name, value)
    return response
  }

  app.on('OPTIONS', [PATH, `${PATH}/:upload`], () => {
    return new Response(null, { status: 204, headers: offer(config.maxResumableBytes) })
  })
  app.post(PATH, ...guard, async c => {
    try {
      return await speak(c, newId())
    } catch (error) {
      metrics.uploads.inc({ result: isMatrixError(error) ? error.code : 'internal' })
      throw error
    }
  })
  app.on(['PATCH', 'DELETE'], `${PATH}/:upload`, ...guard, c => speak(c, idOf(c)))
  app.get(`${PATH}/:upload`, ...guard, async c => {
    const id = idOf(c)
    if (c.req.method === 'HEAD') return speak(c, id)
    const { tenant, id: principal } = c.get('principal')
    const found = await findTusUpload(database, { tenant, principal, upload: id })
    if (found === undefined) throw noUpload()
    return c.json(presentUpload(found, gateway.publicBase()), 200, { 'Cache-Control': 'no-store' })
  })

  documentTus(app)
}
