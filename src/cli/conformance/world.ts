/**
 * What the suites work with, made with the key of an administrator and the same with each run: two products, a collection that belongs
 * to the first, a rendition. Assets and keys are the run's own and are taken away at its end.
 */
import { randomUUID } from 'node:crypto'
import { encodePng } from '../../lib/png.ts'
import { applySet } from '../matrix-set.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** `undefined` where it is no JSON. */
  readonly body: unknown
}

export interface CallOptions {
  /** No key: nobody. */
  readonly key?: string
  readonly body?: object | Uint8Array<ArrayBuffer> | string
  readonly headers?: Readonly<Record<string, string>>
}

/** What does not hold, in one line. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

/** Not to be seen from here: no finding. */
export class NotTried extends Error {
  override readonly name = 'NotTried'
}

export const expectThat = (holds: boolean, what: string): void => {
  if (!holds) throw new Violation(what)
}

/** How long the log may take to tell what has happened. */
export const TOLD_WITHIN_MS = 15_000

export const OWNER = 'conformance-owner'
export const STRANGER = 'conformance-stranger'
export const COLLECTION = 'conformance'
export const RENDITION = 'dot'

const SET = {
  products: { [OWNER]: {}, [STRANGER]: {} },
  collections: {
    [COLLECTION]: {
      owner: OWNER,
      renditions: { [OWNER]: { [RENDITION]: { recipe: { resize: { width: 4 }, formats: ['png'] } } } },
    },
  },
}

export interface World {
  readonly url: string
  readonly admin: string
  readonly owner: string
  readonly stranger: string
  /** Where the gateway reaches us, for webhooks; `undefined`: the loopback. */
  readonly receiver: string | undefined
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
  /** One that nobody has had before. */
  readonly picture: () => Uint8Array<ArrayBuffer>
  /** A new asset of the owner, published. */
  upload(): Promise<string>
  close(): Promise<void>
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const SIDE = 8

export const openWorld = async ({
  url,
  admin,
  receiver,
}: Pick<World, 'url' | 'admin' | 'receiver'>): Promise<World> => {
  const call: World['call'] = async (method, path, { key, body, headers = {} } = {}) => {
    const isBytes = body instanceof Uint8Array || typeof body === 'string'
    const response = await fetch(new URL(path, url), {
      method,
      redirect: 'manual',
      ...(body !== undefined && { body: isBytes ? body : JSON.stringify(body) }),
      headers: {
        Accept: 'application/json',
        ...(key !== undefined && { Authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'Content-Type': isBytes ? 'application/octet-stream' : 'application/json' }),
        ...headers,
      },
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, body: parse(text) }
  }
  const must = async (method: string, path: string, options: CallOptions = {}): Promise<Answer> => {
    const answer = await call(method, path, { headers: { 'Idempotency-Key': randomUUID() }, ...options })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text.slice(0, 500)}`)
    return answer
  }
  const keys = await applySet(
    async (method, path, body) => (await must(method, path, { key: admin, ...(body && { body }) })).body,
    SET,
  )
  const { [OWNER]: owner = '', [STRANGER]: stranger = '' } = keys
  const uploaded: string[] = []
  const picture = (): Uint8Array<ArrayBuffer> =>
    new Uint8Array(encodePng(SIDE, SIDE, crypto.getRandomValues(new Uint8Array(SIDE * SIDE * 4))))

  return {
    url,
    admin,
    owner,
    stranger,
    receiver,
    call,
    picture,
    async upload() {
      const { body } = await must('POST', `/v1/assets?collection=${COLLECTION}&publish=now`, {
        key: owner,
        body: picture(),
      })
      const { asset } = body as { asset: string }
      uploaded.push(asset)
      return asset
    },
    async close() {
      for (const asset of uploaded)
        await call('DELETE', `/v1/assets/${asset}`, { key: owner, headers: { 'If-Match': '*' } })
      for (const product of [OWNER, STRANGER]) {
        const { body } = await call('GET', `/v1/products/${product}/keys?limit=500`, { key: admin })
        for (const { id, revoked_at } of (body as { items?: { id: string; revoked_at?: string }[] } | undefined)
          ?.items ?? [])
          if (revoked_at === undefined)
            await call('DELETE', `/v1/keys/${id}`, { key: admin, headers: { 'If-Match': '*' } })
      }
    },
  }
}

export interface Check {
  readonly name: string
  /** Throws `Violation` where it does not hold. */
  run(world: World): Promise<void>
}
