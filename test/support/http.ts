/**
 * A client that is never satisfied: every answer it gets must be well formed, fit the OpenAPI document and say nothing about the
 * inside of the system. Works in process and through a socket; `leavesNothing` proves that a refusal had no effect.
 */
import { readdir } from 'node:fs/promises'
import { expect } from 'vitest'
import { z } from 'zod'
import { serve } from '../../src/http/serve.ts'
import { openWarmLane } from '../../src/http/warm-lane.ts'
import type { ObjectStore } from '../../src/objects/store.ts'
import { type CallOptions, requestOf, type System } from './system.ts'
import { until } from './until.ts'

export type Send = (method: string, path: string, options?: CallOptions) => Promise<Response>

/** What only a look inside could tell: stacks, paths, statements, drivers, decoders, object keys. */
const INTERNAL =
  /node_modules|node:internal|\.ts:\d|\.js:\d|\bat \S+ \(|\/tmp\/|\/spool\/|\/dev\/fd|(?:select|insert into|update|delete from) [\w"*]+ (?:from|set|values|where)|violates|duplicate key|syntax error|pg_|drizzle|postgres:|ECONN|ENOENT|vips|libpng|libjpeg|Input file|unsupported image format|\bt\/[a-z0-9-]+\/[od]\/[0-9a-f]{2}\/|\[object Object\]/i

/** A presigned URL names its object, and may. */
const withoutPresigned = (text: string): string =>
  text.replace(/https?:\/\/[^"\s]+(?:[?&]|&amp;)X-Amz-Signature=[^"\s]+/g, '<presigned>')

const isText = (type: string): boolean => /json|text|xml|html/.test(type)

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: object }>> }>
  >
}

export interface OpenApiDocument {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

const localRefs = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value).replaceAll('#/components/schemas/', '#/$defs/'))

/** The operation that a request falls under; longer literal paths win over parameters. */
const operationOf = ({ paths }: OpenApiDocument, method: string, pathname: string): Operation | undefined => {
  const found = Object.keys(paths)
    .filter(path => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`).test(pathname))
    .sort((a, b) => (a.match(/\{/g)?.length ?? 0) - (b.match(/\{/g)?.length ?? 0))
  const verb = method.toLowerCase() === 'head' ? 'get' : method.toLowerCase()
  return found.map(path => paths[path]?.[verb]).find(operation => operation !== undefined)
}

const expectConforms = (document: OpenApiDocument, operation: Operation, response: Response, text: string): void => {
  const described = operation.responses[String(response.status)]
  expect(Object.keys(operation.responses), 'statuses that the document names').toContain(String(response.status))
  const type = (response.headers.get('content-type') ?? '').split(';', 1)[0] ?? ''
  const schema = described?.content?.[type]?.schema
  if (!/[/+]json$/.test(type) || text === '') return
  expect(Object.keys(described?.content ?? {}), 'media types that the document names').toContain(type)
  if (!schema) return
  const bundled = localRefs({ ...schema, $defs: document.components.schemas })
  const parsed = z.fromJSONSchema(bundled as never).safeParse(JSON.parse(text))
  expect(parsed.success ? [] : parsed.error.issues, text).toEqual([])
}

/** What is not there may be kept for seconds, where derivatives are delivered. */
const isKeptBriefly = (status: number, pathname: string): boolean =>
  (status === 404 || status === 410) &&
  (/^\/(?:i|s|share|o)\//.test(pathname) || /^\/v1\/products\/[^/]+\/assets\//.test(pathname))

const expectProblem = (response: Response, text: string, pathname: string): void => {
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const cached = response.headers.get('cache-control')
  expect(cached).toMatch(
    isKeptBriefly(response.status, pathname) ? /^no-store$|^(?:private|public), max-age=5$/ : /^no-store$/,
  )
  if (response.status >= 503) expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
  const problem = JSON.parse(text) as Record<string, unknown>
  expect(problem.status).toBe(response.status)
  expect(problem.type).toMatch(new RegExp(`^https?://.+[^/]/problems/${problem.code}$`))
  expect(problem.instance).toBe(response.headers.get('x-request-id'))
  expect(typeof problem.title).toBe('string')
  expect(typeof problem.retryable).toBe('boolean')
  if (problem.retry_after !== undefined) expect(response.headers.get('retry-after')).toBe(String(problem.retry_after))
  if (response.status === 401) expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/)
}

/** What holds for every answer whatever was asked. Gives the answer back, unread. */
export const expectWellFormed = async (
  response: Response,
  { method, path, document }: { method: string; path: string; document: OpenApiDocument },
): Promise<Response> => {
  const what = `${method} ${path.slice(0, 200)} -> ${response.status}`
  const type = response.headers.get('content-type') ?? ''
  const text = isText(type) ? await response.clone().text() : ''
  expect(response.status, `${what} ${text}`).toBeLessThan(500)
  expect(response.headers.get('x-request-id'), what).toMatch(/^req_[\w-]{16,80}$/)
  expect(response.headers.get('x-correlation-id'), what).toBeTruthy()
  expect(response.headers.get('traceparent'), what).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/)
  for (const [name, value] of response.headers) {
    if (name !== 'location') expect(`${name}: ${value}`, what).not.toMatch(INTERNAL)
  }
  const pathname = new URL(path, 'http://x').pathname
  // Those of which the engine is a part of the answer.
  if (
    !/^\/(?:metrics|docs|openapi\.json|v1\/capabilities|v1\/engine\b.*|v1\/assets\/[^/]+\/versions\/\d+\/provenance)$/.test(
      pathname,
    )
  )
    expect(withoutPresigned(text), what).not.toMatch(INTERNAL)
  if (response.status >= 400 && response.status !== 416 && method !== 'HEAD') expectProblem(response, text, pathname)
  const operation = operationOf(document, method, pathname)
  if (operation && method !== 'HEAD') expectConforms(document, operation, response, text)
  return response
}

export const openApiOf = async ({ app }: Pick<System, 'app'>): Promise<OpenApiDocument> =>
  (await (await app.request('/openapi.json')).json()) as OpenApiDocument

/** In process: a full request, no socket. */
export const openClient = async (system: System): Promise<Send> => {
  const document = await openApiOf(system)
  return async (method, path, options = {}) =>
    expectWellFormed(await system.call(method, path, options), { method, path, document })
}

/** The same through a socket, the way `main` listens, by fetch; redirects are not followed. */
export const openSocketClient = async (system: System) => {
  const document = await openApiOf(system)
  const server = await serve(system.app.fetch, {
    host: '127.0.0.1',
    port: 0,
    drainMs: 0,
    lane: openWarmLane(system.gateway),
  })
  system.gateway.listeningOn(server.address)
  const send: Send = async (method, path, options = {}) =>
    expectWellFormed(await fetch(`${server.address}${path}`, requestOf(method, options)), { method, path, document })
  return { send, document, address: server.address, port: server.port, close: () => server.drain() }
}

/** Reads an answer that must have this status. */
export const expectJson = async <T = Record<string, unknown>>(
  answer: Response | Promise<Response>,
  status: number,
): Promise<T> => {
  const response = await answer
  const text = await response.text()
  expect(response.status, text).toBe(status)
  return JSON.parse(text) as T
}

/** The code of a refusal that must have this status. */
export const expectRefusal = async (
  answer: Response | Promise<Response>,
  status: number,
  code: string,
): Promise<Record<string, unknown>> => {
  const problem = await expectJson(answer, status)
  expect(problem.code).toBe(code)
  return problem
}

const TABLES = [
  'product',
  'api_key',
  'issuer',
  'issuer_subject',
  'signing_key',
  'share_link',
  'collection',
  'edge',
  'original',
  'asset',
  'asset_alias',
  'asset_version',
  'publication',
  'rendition',
  'derivative',
  'node',
  'leaf',
  'event',
  'subscription',
  'delivery',
  'idempotency',
  'tus_piece',
  'upload',
  'saga',
  'saga_step',
] as const

const keysOf = async (store: ObjectStore): Promise<string[]> => {
  const keys: string[] = []
  for await (const { key } of store.list('')) keys.push(key)
  return keys.sort()
}

/** Everything that a request could leave behind: rows, objects, spooled files. */
export const traces = async ({ core }: System) => {
  const counts = TABLES.map(table => `(select count(*)::int from ${table}) as ${table}`).join(', ')
  const [rows] = await core.database.rows<Record<string, number>>({ name: 'traces', text: `select ${counts}` }, [])
  return {
    rows,
    originals: await keysOf(core.originals),
    derivatives: await keysOf(core.derivatives),
    staging: await keysOf(core.staging),
    spool: await readdir(core.spoolFolder),
  }
}

const OPEN = {
  name: 'open_work',
  text: `select 1 from node where state in ('QUEUED', 'RUNNING', 'RETRY')
         union all select 1 from asset_version where state = 'PROCESSING'`,
}

/** Until the worker has nothing left to do. */
export const settled = async ({ core, worker }: System): Promise<void> => {
  if (worker)
    await until('all work done', async () => (await core.database.rows(OPEN, [])).length === 0, { withinMs: 30_000 })
}

const LOOKED = {
  name: 'test_looked',
  text: 'select 1 from original_look join asset_version using (tenant_id, sha256) where asset_id = $1 and made_at is not null',
}

/** Until its placeholder is there: documents change by it once, soon after their nodes are done. */
export const looked = async ({ core }: System, asset: string): Promise<void> => {
  await until('a look', async () => (await core.database.rows(LOOKED, [asset])).length > 0)
}

/** Runs something that must have no effect. What a lost connection leaves is cleared soon after, so it is looked at until then. */
export const leavesNothing = async <T>(system: System, work: () => Promise<T>): Promise<T> => {
  await settled(system)
  const before = await traces(system)
  const result = await work()
  const same = async (): Promise<boolean> => JSON.stringify(await traces(system)) === JSON.stringify(before)
  await until('nothing left behind', same, { withinMs: 5_000 }).catch(() => undefined)
  expect(await traces(system)).toEqual(before)
  return result
}
