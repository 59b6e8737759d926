/**
 * Uploads whose bytes are elsewhere: the body is JSON, and one key of it says where they are. Each such key is an entrance, in a
 * file of its own; the rest of the body are the wishes that all of them share (`JsonCreate`, `JsonCommon`).
 */
import type { z } from '@hono/zod-openapi'
import type { Gateway } from '../../gateway.ts'
import type { Destination } from '../../ingest/ingest.ts'
import { refuse } from '../../model/errors.ts'
import type { MatrixContext } from '../context.ts'
import type { Work } from '../idempotent.ts'
import { essenceOf } from '../media-type.ts'
import { boundedBody } from '../middleware/json-only.ts'
import type { JsonCreate } from '../upload-wishes.ts'
import { violationsOf } from '../validation.ts'

/** What the path says of where they go. */
export type Target = { readonly kind: 'asset' } | Extract<Destination, { kind: 'version' }>

/** One key: reads the rest of the body, or throws `contract-violation`; then does the work under its Idempotency-Key. */
export type JsonEntrance = (target: Target, body: object) => (c: MatrixContext, work: Work) => Promise<Response>

export const entrancesOf = (_gateway: Gateway): Readonly<Record<string, JsonEntrance>> => ({})

/** `application/json` alone: a document of another JSON type is an asset like any other. */
export const saysJson = (c: MatrixContext): boolean =>
  essenceOf(c.req.header('content-type') ?? '') === 'application/json'

/** Throws `contract-violation`, with every place. */
export const parseWish = <T extends z.ZodType>(schema: T, body: unknown): z.infer<T> => {
  const parsed = schema.safeParse(body)
  if (!parsed.success)
    throw refuse('contract-violation', 'The body does not fit its schema.', { violations: violationsOf(parsed.error) })
  return parsed.data
}

export const newAsset = ({ collection, alias, labels }: z.infer<typeof JsonCreate>): Destination => ({
  kind: 'asset',
  collection,
  alias,
  labels,
})

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
