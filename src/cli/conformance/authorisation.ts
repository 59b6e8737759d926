/** Who may not, does not, and learns nothing: what is not there and what is not one's own look alike. */
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { type Answer, type Check, COLLECTION, expectThat, OWNER, RENDITION, STRANGER, TOLD_WITHIN_MS } from './world.ts'

/** What is different between two refusals of the same kind is their time, their request and the id that was asked for. */
const essence = ({ status, body }: Answer): string => {
  const { code, detail } = (body ?? {}) as { code?: string; detail?: string }
  return JSON.stringify([status, code, detail])
}
const pathsOf = (asset: string): readonly (readonly [string, string, object?])[] => [
  ['GET', `/v1/assets/${asset}`],
  ['GET', `/v1/assets/${asset}/versions`],
  ['GET', `/v1/assets/${asset}/versions/1/provenance`],
  ['GET', `/v1/products/${STRANGER}/assets/${asset}/renditions/${RENDITION}`],
  ['GET', `/v1/products/${STRANGER}/assets/${asset}/renditions/original`],
  ['PATCH', `/v1/assets/${asset}`, { labels: ['taken'] }],
  ['POST', `/v1/assets/${asset}/publish`, { version: 1 }],
  ['DELETE', `/v1/assets/${asset}`],
]

export const authorisation: readonly Check[] = [
  {
    name: 'nobody, and whoever has a key that is none, is refused',
    async run({ call, upload }) {
      const asset = await upload()
      for (const key of [undefined, 'mtx_live_nobody', 'x.y.z']) {
        const { status } = await call('GET', `/v1/assets/${asset}`, key === undefined ? {} : { key })
        expectThat(status === 401, `${key ?? 'no key'} was answered ${status}`)
      }
    },
  },
  {
    name: 'a stranger is told of what is not his as of what is not there, and changes nothing',
    async run({ call, upload, owner, stranger }) {
      const asset = await upload()
      const before = await call('GET', `/v1/assets/${asset}`, { key: owner })
      const nothing = pathsOf(randomUUID())
      for (const [index, [method, path, body]] of pathsOf(asset).entries()) {
        const options = { key: stranger, headers: { 'If-Match': '*' }, ...(body && { body }) }
        const theirs = await call(method, path, options)
        const none = await call(method, nothing[index]?.[1] ?? '', options)
        expectThat(theirs.status === 404, `${method} ${path} was answered ${theirs.status}`)
        expectThat(essence(theirs) === essence(none), `${method} ${path} says more than for what is not there`)
      }
      const after = await call('GET', `/v1/assets/${asset}`, { key: owner })
      expectThat(after.headers.get('etag') === before.headers.get('etag'), 'the asset is not as it was')
    },
  },
  {
    name: 'it is in none of his lists',
    async run({ call, upload, owner, stranger }) {
      const asset = await upload()
      const lists = async (key: string) => {
        const told = await call('GET', `/v1/events?subject=assets/${asset}&limit=500`, { key })
        const assets = await call('GET', '/v1/assets?sort=-created&limit=500', { key })
        for (const { status } of [told, assets]) expectThat(status === 200, `a list was answered ${status}`)
        return { isTold: told.text.includes(asset), isListed: assets.text.includes(asset) }
      }
      // Before it is in those of its owner, that it is in nobody else's says nothing.
      const deadline = Date.now() + TOLD_WITHIN_MS
      for (let own = await lists(owner); !own.isTold || !own.isListed; own = await lists(owner)) {
        expectThat(Date.now() < deadline, `the owner has it not in his lists after ${TOLD_WITHIN_MS} ms`)
        await wait(100)
      }
      const { isTold, isListed } = await lists(stranger)
      expectThat(!isListed, 'the asset is in the list of a stranger')
      expectThat(!isTold, 'its events are told to a stranger')
    },
  },
  {
    name: 'a key of a product asks in its own name alone, and configures nothing',
    async run({ call, upload, owner, stranger }) {
      const asset = await upload()
      const other = await call('GET', `/v1/products/${OWNER}/assets/${asset}/renditions/${RENDITION}`, {
        key: stranger,
      })
      expectThat(other.status === 403 || other.status === 404, `in the name of another it was answered ${other.status}`)
      for (const path of [`/v1/collections/${COLLECTION}`, `/v1/products/${OWNER}`]) {
        const { status } = await call('PUT', path, { key: owner, body: { owner: OWNER } })
        expectThat(status === 403, `PUT ${path} was answered ${status}`)
      }
    },
  },
  {
    name: 'a key that was revoked opens nothing from the next request on',
    async run({ call, admin }) {
      const made = await call('POST', `/v1/products/${OWNER}/keys`, {
        key: admin,
        body: { label: 'conformance', scopes: ['assets:read'] },
        headers: { 'Idempotency-Key': randomUUID() },
      })
      const { secret, id } = made.body as { secret: string; id: string }
      const ask = () => call('GET', '/v1/assets?limit=1', { key: secret })
      expectThat((await ask()).status === 200, 'a new key does not work')
      await call('DELETE', `/v1/keys/${id}`, { key: admin, headers: { 'If-Match': '*' } })
      const { status } = await ask()
      expectThat(status === 401, `after it was revoked it was answered ${status}`)
    },
  },
]
