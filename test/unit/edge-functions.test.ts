/** The functions of docs/cdn, called the way the CDNs call them. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { acceptableFormats } from '../../src/deliver/negotiate.ts'
import { MEDIA_TYPE } from '../../src/model/recipe.ts'
import { ACCEPTS } from '../support/accepts.ts'

const FOLDER = join(import.meta.dirname, '../../docs/cdn')
const source = (file: string): Promise<string> => readFile(join(FOLDER, file), 'utf8')

const given = Object.entries(ACCEPTS).flatMap(([type, all]) => all.map(accept => ({ type, accept })))
/** What the gateway makes of it. */
const typeOf = (accept: string | undefined): string => {
  const [best] = acceptableFormats(['avif', 'webp', 'jpeg'], accept)
  return best === undefined ? 'none' : MEDIA_TYPE[best]
}

describe('of CloudFront', async () => {
  interface Request {
    readonly uri: string
    readonly headers: Record<string, { value: string; multiValue?: { value: string }[] }>
  }
  const context = createContext({})
  runInContext(await source('cloudfront-function.js'), context)
  const handler = (request: Request): Request => {
    context.event = { version: '1.0', context: { eventType: 'viewer-request' }, viewer: { ip: '192.0.2.1' }, request }
    return runInContext('handler(event)', context) as Request
  }

  test.each(given)('$accept is one of three', ({ accept, type }) => {
    for (const uri of ['/i/shop/x/v1/card.auto', '/i/shop/x/v1/card.auto/name.jpg']) {
      const { headers } = handler({ uri, headers: accept === '' ? {} : { accept: { value: accept } } })
      expect(['image/avif,image/webp,*/*', 'image/webp,*/*', '*/*']).toContain(headers.accept?.value)
      expect(typeOf(headers.accept?.value)).toBe(type)
    }
  })

  test('several lines are one, other paths have none, and nobody passes for a front', () => {
    const multiValue = [{ value: 'text/html' }, { value: 'image/webp' }]
    const headers = { accept: { value: 'text/html', multiValue }, 'matrix-front': { value: 'x' }, host: { value: 'h' } }
    const negotiated = handler({ uri: '/i/shop/x/v1/card.auto', headers: { ...headers } })
    expect(negotiated.headers).toEqual({ accept: { value: 'image/webp,*/*' }, host: { value: 'h' } })
    const plain = handler({ uri: '/i/shop/x/v1/card.webp', headers: { ...headers } })
    expect(plain.headers).toEqual({ host: { value: 'h' } })
  })
})

describe('of Cloudflare', async () => {
  const PUBLIC = 'public, max-age=60'
  type Worker = { fetch(request: Request, env: { GATEWAY: string }, context: object): Promise<Response> }
  const code = await source('cloudflare-worker.js')

  /** The platform, as far as the worker goes: its cache by URL, and an origin that says what it was asked. */
  const open = (answer: (request: Request) => Response) => {
    const kept = new Map<string, Response>()
    const asked: Request[] = []
    const context = createContext({
      ...{ URL, Headers, Request, Response },
      caches: {
        default: {
          match: async (request: Request) => kept.get(request.url)?.clone(),
          put: async (key: string, response: Response) => void kept.set(key, response),
        },
      },
      fetch: async (target: URL, options: RequestInit) => {
        const request = new Request(target, options)
        asked.push(request)
        return answer(request)
      },
    })
    const worker = runInContext(`${code.replace('export default', 'worker =')}\nworker`, context) as Worker
    const ask = async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
      const waiting: Promise<unknown>[] = []
      const request = new Request(`https://cdn.example${path}`, { headers, method })
      const response = await worker.fetch(
        request,
        { GATEWAY: 'http://gateway.internal' },
        { waitUntil: (it: Promise<unknown>) => waiting.push(it) },
      )
      await Promise.all(waiting)
      return response
    }
    return { ask, asked }
  }
  const says =
    (cacheControl: string, status = 200) =>
    () =>
      new Response('bytes', { status, headers: { 'Cache-Control': cacheControl } })

  test('a negotiated path is asked for three times, whatever Accept says', async () => {
    const { ask, asked } = open(says(PUBLIC))
    for (const { accept } of given) await ask('/i/shop/x/v1/card.auto', { accept })
    expect(asked.map(({ headers }) => typeOf(headers.get('accept') ?? undefined)).sort()).toEqual([
      'image/avif',
      'image/jpeg',
      'image/webp',
    ])
    for (const { type, accept } of given) {
      const [first] = [open(says('no-store'))]
      await first.ask('/i/shop/x/v1/card.auto', { accept })
      expect(typeOf(first.asked[0]?.headers.get('accept') ?? undefined), accept).toBe(type)
    }
  })

  test.each([
    ['what is public', PUBLIC, 200, 1],
    ['what is missing, for seconds', 'public, max-age=5', 404, 1],
    ['what is private', 'private, max-age=60', 200, 2],
    ['what is pending', 'no-store', 202, 2],
    ['a redirect', 'private, max-age=60', 302, 2],
    ['a failure', 'public, max-age=60', 503, 2],
  ] as const)('%s', async (_, cacheControl, status, times) => {
    const { ask, asked } = open(says(cacheControl, status))
    expect((await ask('/i/shop/x/v1/card.webp')).status).toBe(status)
    expect((await ask('/i/shop/x/v1/card.webp')).status).toBe(status)
    expect(asked).toHaveLength(times)
  })

  test('what is the caller’s own goes through, and nobody is given it after', async () => {
    const { ask, asked } = open(says(PUBLIC))
    const authorization = 'Bearer a'
    await ask('/i/shop/x/v1/card.webp', { authorization })
    await ask('/i/shop/x/v1/card.webp?sig=1')
    expect(asked.map(({ url, headers }) => [url, headers.get('authorization')])).toEqual([
      ['http://gateway.internal/i/shop/x/v1/card.webp', authorization],
      ['http://gateway.internal/i/shop/x/v1/card.webp?sig=1', null],
    ])
    await ask('/i/shop/x/v1/card.webp')
    expect(asked).toHaveLength(3)
  })

  test('the whole is asked for, without what the gateway must not hear of clients', async () => {
    const { ask, asked } = open(says(PUBLIC))
    const headers = { range: 'bytes=0-1', 'if-none-match': '"a"', 'matrix-front': 'x', 'cf-connecting-ip': '192.0.2.7' }
    await ask('/i/shop/x/v1/card.webp', headers)
    expect([...(asked[0]?.headers ?? [])]).toEqual([['x-forwarded-for', '192.0.2.7']])
    const head = await ask('/i/shop/x/v1/card.webp', {}, 'HEAD')
    expect([head.status, await head.text()]).toEqual([200, ''])
    expect(asked).toHaveLength(1)
  })

  test('other paths and methods are none', async () => {
    const { ask, asked } = open(says(PUBLIC))
    for (const path of ['/', '/v1/assets', '/o/ab/cd.webp', '/metrics']) expect((await ask(path)).status).toBe(404)
    expect((await ask('/i/shop/x/v1/card.webp', {}, 'DELETE')).status).toBe(405)
    expect(asked).toHaveLength(0)
  })
})
