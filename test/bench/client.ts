/** The API as the benchmarks use it: a collection, products, renditions, uploads. Anything but a success ends the run. */
import { randomUUID } from 'node:crypto'
import type { Gateway } from './world.ts'

export interface CallOptions {
  readonly key?: string
  readonly body?: object | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

export const call = async (
  { address, adminKey }: Gateway,
  method: string,
  path: string,
  { key = adminKey, body, headers }: CallOptions = {},
): Promise<Response> => {
  const isBytes = body instanceof Uint8Array
  const response = await fetch(`${address}${path}`, {
    method,
    redirect: 'manual',
    headers: {
      Authorization: `Bearer ${key}`,
      ...(method === 'POST' && { 'Idempotency-Key': randomUUID() }),
      ...(body && !isBytes && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body && { body: isBytes ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
  })
  if (response.status >= 400) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return response
}

export interface Wish {
  readonly product: string
  readonly name: string
  readonly recipe: object
  readonly lane?: 'eager' | 'lazy'
}

const SCOPES = ['resolve', 'assets:read', 'assets:write', 'publish']

/** A collection `photos` that the first product owns and the others read; gives each product's key. */
export const setUp = async (gateway: Gateway, wishes: readonly Wish[]): Promise<Record<string, string>> => {
  const products = [...new Set(wishes.map(({ product }) => product))]
  const keys: Record<string, string> = {}
  for (const product of products)
    await call(gateway, 'PUT', `/v1/products/${product}`, { body: { display_name: product } })
  await call(gateway, 'PUT', '/v1/collections/photos', { body: { owner: products[0] } })
  for (const product of products) {
    if (product !== products[0]) {
      const grant = { role: 'reader', original_access: true }
      await call(gateway, 'PUT', `/v1/collections/photos/grants/${product}`, { body: grant })
    }
    const made = await call(gateway, 'POST', `/v1/products/${product}/keys`, {
      body: { label: 'bench', scopes: SCOPES },
    })
    keys[product] = ((await made.json()) as { secret: string }).secret
  }
  for (const { product, name, recipe, lane = 'eager' } of wishes) {
    await call(gateway, 'PUT', `/v1/collections/photos/products/${product}/renditions/${name}`, {
      body: { recipe, lane },
    })
  }
  return keys
}

export interface Uploaded {
  readonly asset: string
  readonly version: number
  readonly state: string
}

export const upload = async (gateway: Gateway, key: string, bytes: Uint8Array, query = ''): Promise<Uploaded> => {
  const response = await call(gateway, 'POST', `/v1/assets?collection=photos${query}`, { key, body: bytes })
  return (await response.json()) as Uploaded
}

export const renditionPath = (product: string, asset: string, name: string): string =>
  `/v1/products/${product}/assets/${asset}/renditions/${name}`
