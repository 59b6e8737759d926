/**
 * Uploads whose bytes are elsewhere: the body is JSON, and one key of it says where they are. Each such key is an entrance, in a
 * file of its own; the rest of the body are the wishes that all of them share (`JsonCreate`, `JsonCommon`).
 */
import type { Gateway } from '../../gateway.ts'
import { refuse } from '../../model/errors.ts'
import type { MatrixContext } from '../context.ts'
import type { Work } from '../idempotent.ts'
import type { JsonEntrance, Target } from '../json-entrance.ts'
import { essenceOf } from '../media-type.ts'
import { boundedBody } from '../middleware/json-only.ts'
import { urlEntrance } from '../upload-from-url.ts'
import { stagedEntrance } from '../upload-staged.ts'

const entrancesOf = (gateway: Gateway): Readonly<Record<string, JsonEntrance>> => ({
  source_url: urlEntrance(gateway),
  upload_id: stagedEntrance(gateway),
})

/** `application/json` alone: a document of another JSON type is an asset like any other. */
export const saysJson = (c: MatrixContext): boolean =>
  essenceOf(c.req.header('content-type') ?? '') === 'application/json'

const DOCUMENTS = 'a JSON document to be stored is sent as application/octet-stream'

const notOurs = (names: readonly string[]) =>
  refuse('contract-violation', `Expected one of ${names.join(', ')} in the body; ${DOCUMENTS}.`)

const parseJson = (bytes: Buffer, names: readonly string[]): object => {
  try {
    const body: unknown = JSON.parse(bytes.toString('utf8'))
    if (typeof body === 'object' && body !== null) return body
  } catch {
    // Not JSON: said below, with what would be.
  }
  throw notOurs(names)
}

export const jsonUploads = (gateway: Gateway) => {
  const entrances = entrancesOf(gateway)
  const names = Object.keys(entrances)

  /** Throws `contract-violation`, or `invalid-request` for wishes in the query. */
  return async (c: MatrixContext, target: Target): Promise<(work: Work) => Promise<Response>> => {
    if (new URL(c.req.url).search !== '')
      throw refuse('invalid-request', `A JSON body has all wishes in itself, none in the query; ${DOCUMENTS}.`)
    const body = parseJson(await boundedBody(c, gateway.config), names)
    const [name, ...others] = names.filter(name => Object.hasOwn(body, name))
    const entrance = name === undefined || others.length > 0 ? undefined : entrances[name]
    if (entrance === undefined) throw notOurs(names)
    const take = entrance(target, body)
    return work => take(c, work)
  }
}
