/** A system on a socket, with every kind of edge that a cache in front may meet. */
import { serve } from '../../src/http/serve.ts'
import { openWarmLane } from '../../src/http/warm-lane.ts'
import { signUrl } from '../../src/sdk/index.ts'
import { type Answer, type Ask, type Cache, openAsk, type Secrets } from './cache.ts'
import { expectJson } from './http.ts'
import { photo } from './images.ts'
import { ADMIN_KEY, type System, startSystem } from './system.ts'
import { until } from './until.ts'

const FRONT_SECRET = 'front-secret-of-the-tests'

/** Products by what their edge does: who may see it, and how bytes leave. */
export const PRODUCTS = {
  open: { visibility: 'public', delivery: 'stream' },
  streamed: { visibility: 'private', delivery: 'stream' },
  handed: { visibility: 'public', delivery: 'accel' },
  closed: { visibility: 'private', delivery: 'accel' },
} as const
export type ProductName = keyof typeof PRODUCTS

/** Whose pages may read what is answered to any of them. */
export const SHOP = 'https://shop.example'

/** How clients ask: with a key, with a signature in the path or the query, or with nothing where it is public. */
export type By = 'key' | 'path' | 'query' | 'nothing'

export const WAYS = (Object.keys(PRODUCTS) as ProductName[]).flatMap(product =>
  (['key', 'path', 'query', 'nothing'] as const)
    .filter(by => by !== 'nothing' || PRODUCTS[product].visibility === 'public')
    .map(by => ({ product, by, ...PRODUCTS[product] })),
)
type Way = (typeof WAYS)[number]

/** Bytes lie in the cache: by what they are, or by a path that admits whoever has it. */
export const isKept = ({ delivery, by }: Way): boolean => delivery === 'accel' || by === 'path' || by === 'nothing'

/** The gateway is asked each time: where it decides, or keeps nothing for others. */
export const isDecided = ({ delivery, by }: Way): boolean => delivery === 'accel' || by === 'key' || by === 'query'

export interface Behind {
  readonly system: System
  readonly address: string
  readonly secrets: Secrets
  readonly keys: Readonly<Record<ProductName, string>>
  readonly asset: string
  readonly sign: Readonly<Record<ProductName, { readonly kid: string; readonly secret: string }>>
  /** Into the collection that all of them see; gives the asset. */
  upload(body: Uint8Array): Promise<string>
  admin(method: string, path: string, body?: object): Promise<Response>
  /** Answers of the gateway so far: decisions about paths, and bytes by their content. */
  asked(): Promise<{ paths: number; bytes: number }>
  /** Without a cache between. */
  readonly ask: Ask
  /** The socket closes, as when the gateway is away. */
  leave(): Promise<void>
  close(): Promise<void>
}

const total = async (counter: { get(): Promise<{ values: readonly { value: number }[] }> }): Promise<number> =>
  (await counter.get()).values.reduce((sum, { value }) => sum + value, 0)

/** Until the derivative is there, however busy the machine. */
export const derived = (
  system: System,
  { asset, product, key, format }: { asset: string; product: string; key: string; format: string },
): Promise<boolean> => {
  const path = `/v1/products/${product}/assets/${asset}/renditions/small?format=${format}&wait=10`
  const isThere = async () => (await system.call('GET', path, { key })).status === 302
  return until(`${product} has small in ${format}`, isThere, { withinMs: 60_000 })
}

/** One picture of which every product has `small` in AVIF, WebP and JPEG. */
export const startBehind = async (env: Readonly<Record<string, string>> = {}): Promise<Behind> => {
  const system = await startSystem({ env: { ACCEL_SECRET: FRONT_SECRET, TRUSTED_PROXIES: '127.0.0.0/8', ...env } })
  const admin = (method: string, path: string, body?: object) =>
    system.call(method, path, { key: ADMIN_KEY, ...(body && { body }) })
  const names = Object.keys(PRODUCTS) as ProductName[]
  const keys = {} as Record<ProductName, string>
  const sign = {} as Record<ProductName, { kid: string; secret: string }>
  for (const name of names) {
    await expectJson(admin('PUT', `/v1/products/${name}`, { display_name: name, origins: [SHOP] }), 201)
    keys[name] = (await expectJson<{ secret: string }>(admin('POST', `/v1/products/${name}/keys`, {}), 201)).secret
    sign[name] = await expectJson(admin('POST', `/v1/products/${name}/signing-keys`, {}), 201)
  }
  await expectJson(admin('PUT', '/v1/collections/shared', { owner: 'closed' }), 201)
  for (const name of names) {
    const role = name === 'closed' ? 'owner' : 'reader'
    const grant = admin('PUT', `/v1/collections/shared/grants/${name}`, {
      ...{ role, original_access: true },
      ...PRODUCTS[name],
    })
    await grant
    const recipe = { recipe: { resize: { width: 32 }, formats: ['avif', 'webp', 'jpeg'] } }
    await expectJson(admin('PUT', `/v1/collections/shared/products/${name}/renditions/small`, recipe), 201)
  }
  const upload = async (body: Uint8Array): Promise<string> => {
    const options = { key: keys.closed, body: new Uint8Array(body) }
    const uploaded = system.call('POST', '/v1/assets?collection=shared&filename=sun.jpg', options)
    return (await expectJson<{ asset: string }>(uploaded, 201)).asset
  }
  const asset = await upload(await photo({ width: 64, height: 48 }))
  const made = names.flatMap(name => ['avif', 'webp', 'jpeg'].map(format => ({ name, format })))
  for (const { name, format } of made) await derived(system, { asset, product: name, key: keys[name], format })
  const origin = await expectJson<{ secret: string }>(admin('POST', '/v1/keys', { scopes: ['origin'] }), 201)
  const { gateway, app, core } = system
  const server = await serve(app.fetch, { ...core.config, port: 0, drainMs: 100, lane: openWarmLane(gateway) })
  const { metrics } = gateway
  return {
    system,
    address: server.address,
    secrets: { front: FRONT_SECRET, originKey: origin.secret, purge: 'purge-token-of-the-tests' },
    keys,
    asset,
    sign,
    upload,
    admin,
    asked: async () => ({ paths: await total(metrics.resolutions), bytes: await total(metrics.originLookups) }),
    ask: openAsk(server.port),
    leave: () => server.drain(),
    async close() {
      await server.drain()
      await system.close()
    },
  }
}

export const askerOf = (
  { keys, sign }: Pick<Behind, 'keys' | 'sign'>,
  cache: Pick<Cache, 'ask'>,
  { product, file, by }: { product: ProductName; file: string; by: By },
) => {
  const path = `/i/${product}/${file}`
  const signature = { ...sign[product], inPath: by === 'path', lifetimeSeconds: 600 }
  const url = by === 'path' || by === 'query' ? signUrl({ path, ...signature }) : path
  const own = by === 'key' ? { authorization: `Bearer ${keys[product]}` } : undefined
  return (headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<Answer> =>
    cache.ask(url, { ...own, ...headers }, method)
}

/** What an answer says of itself, and not of the bytes. */
const OF_THE_REQUEST =
  /^(date|age|server|connection|keep-alive|transfer-encoding|content-length|traceparent|server-timing|cache-status|x-.*-id|x-cache|ratelimit.*)$/

/** What is said of the bytes; the end of a signature comes nearer by the second. */
export const saidOf = ({ headers }: Answer): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => !OF_THE_REQUEST.test(name))
      .map(([name, value]) => [name, String(value).replace(/max-age=\d+/, 'max-age=n')]),
  )
