/** Answers of the gateway by kind, who asks for them in turn, and whether the gateway hears of it behind a cache of docs/cdn. */
import type { Scripted } from './scripted-origin.ts'

export type Headers = Readonly<Record<string, string>>

interface Step {
  readonly headers?: Headers
  readonly method?: string
  readonly query?: string
  /** `kept`: the origin does not hear of it. */
  readonly expect: 'asked' | 'kept'
  readonly status?: number
  readonly body?: string
}

export interface Case {
  readonly what: string
  readonly answers: readonly Scripted[]
  readonly steps: readonly Step[]
  readonly file?: string
  /** Where they differ. */
  readonly only?: string
}

export const says = (cacheControl: string, more: Headers = {}): Scripted => ({
  headers: { 'Cache-Control': cacheControl, ...more },
})
export const LASTING = 'public, max-age=31536000, immutable'
const asked = { expect: 'asked' } as const
const kept = { expect: 'kept' } as const
const AVIF = { accept: 'image/avif,image/webp,*/*' }
const WEBP = { accept: 'image/webp,*/*' }
const OTHER = { accept: '*/*' }
export const problem = (status: number, cacheControl: string): Scripted => ({
  status,
  headers: { 'Cache-Control': cacheControl, 'Content-Type': 'application/problem+json' },
})

export const CASES: readonly Case[] = [
  { what: 'a public version', answers: [says(LASTING)], steps: [asked, kept, kept] },
  { what: 'a public alias', answers: [says('public, max-age=60')], steps: [asked, kept] },
  { what: 'a private answer', answers: [says('private, max-age=31536000, immutable')], steps: [asked, asked, asked] },
  {
    what: 'a redirect',
    answers: [{ status: 302, ...says('private, max-age=60', { Location: '/x' }) }],
    steps: [{ ...asked, status: 302 }, asked],
  },
  {
    what: 'an answer that is pending, then ready',
    answers: [{ status: 202, ...says('no-store') }, { status: 202, ...says('no-store') }, says(LASTING)],
    steps: [{ ...asked, status: 202 }, { ...asked, status: 202 }, { ...asked, status: 200 }, kept],
  },
  {
    what: 'a stand-in, then the picture',
    answers: [
      { ...says('no-store'), body: 'placeholder' },
      { ...says(LASTING), body: 'picture' },
    ],
    steps: [
      { ...asked, body: 'placeholder' },
      { ...asked, body: 'picture' },
      { ...kept, body: 'picture' },
    ],
  },
  {
    what: 'what is missing, for seconds',
    answers: [problem(404, 'public, max-age=60')],
    steps: [
      { ...asked, status: 404 },
      { ...kept, status: 404 },
    ],
  },
  {
    what: 'what is gone, for seconds',
    answers: [problem(410, 'public, max-age=60')],
    steps: [
      { ...asked, status: 410 },
      { ...kept, status: 410 },
    ],
  },
  { what: 'what is missing for this caller', answers: [problem(404, 'private, max-age=60')], steps: [asked, asked] },
  { what: 'a refusal', answers: [problem(403, 'no-store')], steps: [{ ...asked, status: 403 }, asked] },
  { what: 'too many requests', answers: [problem(429, 'no-store')], steps: [{ ...asked, status: 429 }, asked] },
  {
    what: 'a failure, then none',
    answers: [problem(503, 'no-store'), says(LASTING)],
    steps: [{ ...asked, status: 503 }, { ...asked, status: 200 }, kept],
  },
  {
    what: 'three kinds of Accept, whatever they look like',
    file: 'x.auto',
    answers: [says(LASTING, { Vary: 'Accept' })],
    steps: [
      { ...asked, headers: AVIF },
      { ...asked, headers: WEBP },
      { ...asked, headers: OTHER },
      { ...kept, headers: { accept: 'image/png, image/avif;q=0.3' } },
      { ...kept, headers: { accept: 'image/avif;q=0, image/webp;q=0.1' } },
      { ...kept, headers: { accept: 'text/html' } },
      kept,
    ],
  },
  {
    what: 'two kinds of Save-Data where it is heeded',
    file: 'x.auto/name',
    answers: [says(LASTING, { Vary: 'Accept, Save-Data' })],
    steps: [
      asked,
      { ...asked, headers: { 'save-data': 'on' } },
      { ...kept, headers: { 'save-data': 'ON' } },
      { ...kept, headers: { 'save-data': 'off' } },
      { ...kept, headers: { 'save-data': 'maybe on' } },
    ],
  },
  {
    what: 'a kind for each page that is named, and one for all others',
    answers: [says(LASTING, { Vary: 'Origin' })],
    steps: [
      asked,
      { ...asked, headers: { origin: 'https://shop.example' } },
      { ...kept, headers: { origin: 'https://shop.example' } },
      { ...kept, headers: { origin: 'https://evil.example' } },
      { ...kept, headers: { origin: 'https://shop.example.evil.example' } },
    ],
  },
  {
    what: 'one kind where nothing is negotiated',
    answers: [says(LASTING)],
    steps: [{ ...asked, headers: AVIF }, { ...kept, headers: WEBP }, kept],
  },
  {
    what: 'a credential beside a public path',
    answers: [says(LASTING)],
    steps: [
      { ...asked, headers: { authorization: 'Bearer a' } },
      asked,
      kept,
      { ...asked, headers: { authorization: 'Bearer a' } },
      kept,
    ],
  },
  {
    what: 'a query, which is somebody’s own',
    answers: [says(LASTING)],
    steps: [
      { ...asked, query: '?sig=1' },
      { ...asked, query: '?sig=1' },
      asked,
      kept,
      { ...asked, query: '?' + 'a=1' },
    ],
  },
  {
    what: 'a head, then the whole',
    answers: [says(LASTING)],
    steps: [{ ...asked, method: 'HEAD', body: '' }, kept, { ...kept, method: 'HEAD', body: '' }],
  },
  {
    what: 'a part, then the whole',
    answers: [{ ...says(LASTING, { 'Accept-Ranges': 'bytes', ETag: '"a"' }), body: '0123456789' }],
    steps: [
      { ...asked, headers: { range: 'bytes=2-4' }, status: 206, body: '234' },
      { ...kept, body: '0123456789' },
      { ...kept, headers: { range: 'bytes=-1' }, status: 206, body: '9' },
      { ...kept, headers: { range: 'bytes=0-1', 'if-range': '"b"' }, status: 200, body: '0123456789' },
      { ...kept, headers: { range: 'bytes=10-' }, status: 416 },
    ],
  },
  {
    what: 'a condition, which the cache answers',
    answers: [{ ...says(LASTING, { ETag: '"a"' }), body: 'a' }],
    steps: [
      { ...asked, headers: { 'if-none-match': '"a"' }, status: 304, body: '' },
      { ...kept, headers: { 'if-none-match': '"b"' }, status: 200, body: 'a' },
      { ...kept, headers: { 'if-none-match': 'W/"a"' }, status: 304, body: '' },
    ],
  },
  {
    what: 'a cookie, which nobody else may get',
    answers: [says(LASTING, { 'Set-Cookie': 'a=b' })],
    steps: [asked, asked],
  },
  {
    what: 'cookies of the caller, which nothing depends on',
    answers: [says(LASTING)],
    steps: [{ ...asked, headers: { cookie: 'a=b' } }, kept, { ...kept, headers: { cookie: 'c=d' } }],
  },
  {
    what: 'a caller who would have it anew',
    answers: [says(LASTING)],
    steps: [asked, { ...kept, headers: { 'cache-control': 'no-cache', pragma: 'no-cache' } }],
  },
  {
    what: 'what is said to caches that hear of purges',
    only: 'Varnish',
    answers: [says('public, max-age=0', { 'CDN-Cache-Control': 'public, max-age=600, stale-while-revalidate=25' })],
    steps: [asked, kept],
  },
]
