/** RFC 9110 sections 13 to 15 as tables, over the app and over a socket: method x condition x range gives status and headers. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DATES, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGES, statusOf } from '../support/conditions.ts'
import { expectJson, openClient, openSocketClient, type Send, settled } from '../support/http.ts'
import { photo } from '../support/images.ts'
import { ADMIN_KEY, type System, startSystem } from '../support/system.ts'

let system: System
let inProcess: Send
let socket: Awaited<ReturnType<typeof openSocketClient>>
let asset: string
/** mobile streams in public, partner-api streams for itself, shop-web redirects. */
beforeAll(async () => {
  system = await startSystem()
  inProcess = await openClient(system)
  socket = await openSocketClient(system)
  const edge = { role: 'editor', original_access: true, delivery: 'stream' }
  const grant = (product: string, visibility: string) =>
    expectJson(
      inProcess('PUT', `/v1/collections/product-photo/grants/${product}`, {
        key: ADMIN_KEY,
        body: { ...edge, visibility },
      }),
      200,
    )
  await grant('mobile', 'public')
  await grant('partner-api', 'private')
  asset = (await system.upload(await photo({ width: 480, height: 320 }))).asset
  await settled(system)
})
afterAll(async () => {
  await socket.close()
  await system.close()
})

/** Of each answer, of the connection, or of a limit that goes on. */
const OWN = new Set([
  'x-request-id',
  'x-correlation-id',
  'traceparent',
  'server-timing',
  // Who asks first has it read.
  'cache-status',
  'ratelimit',
  'ratelimit-policy',
  'date',
  'connection',
  'keep-alive',
  'transfer-encoding',
])
const headersOf = (response: Response): Record<string, string> =>
  Object.fromEntries([...response.headers].filter(([name]) => !OWN.has(name)))

/** Section 15.4.5 names `Cache-Control`, `Content-Location`, `Date`, `ETag`, `Expires` and `Vary`; the others guide caches, or browsers. */
const OF_304 = [
  'cache-control',
  'cache-tag',
  'cdn-cache-control',
  'content-security-policy',
  'etag',
  'expires',
  'matrix-publication',
  'referrer-policy',
  'surrogate-key',
  'vary',
  'x-content-type-options',
]
const kept = (whole: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(whole).filter(([name]) => OF_304.includes(name)))

const given = (headers: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined))

interface Resource {
  readonly path: () => string
  readonly key?: () => string
  readonly headers?: Readonly<Record<string, string>>
}
const BYTES: readonly (readonly [string, Resource])[] = [
  ['a public derivative', { path: () => `/i/mobile/${asset}/v1/tile.jpg` }],
  ['a negotiated one', { path: () => `/i/mobile/${asset}/current/hero.auto`, headers: { Accept: 'image/webp,*/*' } }],
  ['a private one', { path: () => `/i/partner-api/${asset}/v1/feed.jpg`, key: () => system.keys['partner-api'] }],
  ['an original', { path: () => `/i/mobile/${asset}/v1/original`, key: () => system.keys.mobile }],
]

describe.each(['in process', 'through a socket'] as const)('%s', transport => {
  const ask = (method: string, { path, key, headers: own }: Resource, headers: Record<string, string> = {}) =>
    (transport === 'in process' ? inProcess : socket.send)(method, path(), {
      key: key?.(),
      headers: { ...own, ...headers },
    })

  describe.each(BYTES)('%s', (_what, resource) => {
    test('method x condition x range', async () => {
      const full = await ask('GET', resource)
      const whole = headersOf(full)
      const bytes = Buffer.from(await full.arrayBuffer())
      const etag = whole.etag ?? ''
      expect(etag).toMatch(/^"[0-9a-f]{64}"$/)
      expect(whole['content-length']).toBe(String(bytes.length))
      const parts: Record<string, Buffer> = {
        first: bytes.subarray(0, 10),
        open: bytes.subarray(10),
        suffix: bytes.subarray(-10),
      }
      // Each condition alone, both that can be met at once, and each range with each of them.
      const pairs = IF_MATCH.flatMap(match =>
        IF_NONE_MATCH.filter(noneMatch => match[0] === 'none' || ['none', 'seen', 'unseen'].includes(noneMatch[0])).map(
          noneMatch => [match, noneMatch] as const,
        ),
      ).filter((_pair, index) => transport === 'in process' || index % 2 === 0)
      for (const method of ['GET', 'HEAD'])
        for (const [[ifMatch, match], [ifNoneMatch, noneMatch]] of pairs)
          for (const [range, span] of RANGES) {
            const choice = { method, ifMatch, ifNoneMatch, range, ifRange: 'none' }
            const response = await ask(
              method,
              resource,
              given({ 'If-Match': match(etag), 'If-None-Match': noneMatch(etag), Range: span(etag) }),
            )
            const what = JSON.stringify(choice)
            expect(response.status, what).toBe(statusOf(choice))
            const body = Buffer.from(await response.arrayBuffer())
            const headers = headersOf(response)
            if (response.status === 200) {
              expect(headers, what).toEqual(whole)
              if (method === 'GET') expect(body.equals(bytes), what).toBe(true)
            }
            if (response.status === 304) expect(headers, what).toEqual(kept(whole))
            if (response.status === 206) {
              const part = parts[range] as Buffer
              const first = range === 'open' ? 10 : range === 'suffix' ? bytes.length - 10 : 0
              expect(headers, what).toEqual({
                ...whole,
                'content-length': String(part.length),
                'content-range': `bytes ${first}-${first + part.length - 1}/${bytes.length}`,
              })
              expect(body.equals(part), what).toBe(true)
            }
            if (response.status === 416)
              expect(headers, what).toEqual({
                ...kept(whole),
                'accept-ranges': 'bytes',
                'cache-control': 'no-store',
                'content-length': '0',
                'content-range': `bytes */${bytes.length}`,
              })
            if (response.status === 412) expect(headers['cache-control'], what).toBe('no-store')
            if (method === 'HEAD' || response.status === 304 || response.status === 416)
              expect(body.length, what).toBe(0)
          }
    })

    test('If-Range x range', async () => {
      const etag = (await ask('HEAD', resource)).headers.get('etag') ?? ''
      for (const [ifRange, sameAs] of IF_RANGE)
        for (const [range, span] of RANGES) {
          const response = await ask('GET', resource, given({ 'If-Range': sameAs(etag), Range: span(etag) }))
          await response.arrayBuffer()
          const choice = { method: 'GET', ifMatch: 'none', ifNoneMatch: 'none', range, ifRange }
          expect(response.status, JSON.stringify(choice)).toBe(statusOf(choice))
        }
    })

    test('dates are ignored, for there is none to compare them with', async () => {
      for (const [what, date] of DATES)
        for (const name of ['If-Modified-Since', 'If-Unmodified-Since']) {
          const response = await ask('HEAD', resource, given({ [name]: date('') }))
          expect(response.status, `${name} ${what}`).toBe(200)
          expect(response.headers.get('last-modified')).toBeNull()
        }
    })
  })

  test('five thousand ranges are the whole, or more header than the socket reads', async () => {
    const path = `/i/mobile/${asset}/v1/tile.jpg`
    const whole = Buffer.from(await (await ask('GET', { path: () => path })).arrayBuffer())
    const line = (one: (i: number) => string): string =>
      `bytes=${Array.from({ length: 5_000 }, (_, i) => one(i)).join(',')}`
    // Node reads 16 KiB of header; the overlapping ones fit.
    for (const [range, statuses] of [
      [line(i => `${i}-${i}`), [200, 431]],
      [line(() => '0-'), [200]],
      [line(i => `${5_000 - i}-`), [200, 431]],
    ] as const) {
      const headers = { Range: range }
      const response = await (transport === 'in process'
        ? ask('GET', { path: () => path }, headers)
        : fetch(`${socket.address}${path}`, { headers }))
      expect(statuses).toContain(response.status)
      const bytes = Buffer.from(await response.arrayBuffer())
      if (response.status === 200) expect(bytes.equals(whole)).toBe(true)
      expect(response.headers.get('content-range')).toBeNull()
    }
    expect((await ask('GET', { path: () => path }, { Range: 'bytes=0-9' })).status).toBe(206)
  })

  test('a document has conditions and no ranges', async () => {
    const path = `/v1/products/shop-web/assets/${asset}/renditions/card`
    const resource = { path: () => path, key: () => system.keys['shop-web'], headers: { Accept: 'application/json' } }
    const full = await ask('GET', resource)
    const whole = headersOf(full)
    const etag = whole.etag ?? ''
    const text = await full.text()
    expect(whole['content-length']).toBe(String(Buffer.byteLength(text)))
    for (const method of ['GET', 'HEAD'])
      for (const [ifMatch, match] of IF_MATCH)
        for (const [ifNoneMatch, noneMatch] of IF_NONE_MATCH) {
          const response = await ask(
            method,
            resource,
            given({ 'If-Match': match(etag), 'If-None-Match': noneMatch(etag), Range: 'bytes=0-9' }),
          )
          const choice = { method, ifMatch, ifNoneMatch, range: 'none', ifRange: 'none' }
          expect(response.status, JSON.stringify(choice)).toBe(statusOf(choice))
          if (response.status === 200) expect(headersOf(response)).toEqual(whole)
          if (response.status === 304) expect(headersOf(response)).toEqual(kept(whole))
          const body = await response.text()
          if (method === 'HEAD' || response.status === 304) expect(body).toBe('')
          else if (response.status === 200) expect(body).toBe(text)
        }
  })

  test('a redirect has neither, for conditions are of successful answers', async () => {
    const resource = { path: () => `/i/shop-web/${asset}/v1/card.jpg`, key: () => system.keys['shop-web'] }
    const whole = headersOf(await ask('GET', resource))
    for (const method of ['GET', 'HEAD'])
      for (const headers of [{ 'If-None-Match': '*' }, { 'If-Match': '"other"' }, { Range: 'bytes=0-9' }]) {
        const response = await ask(method, resource, given(headers))
        expect(response.status).toBe(302)
        expect(headersOf(response)).toEqual(whole)
      }
  })
})
