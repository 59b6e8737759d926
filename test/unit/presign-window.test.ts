import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPresigner } from '../../src/deliver/presign.ts'
import { openS3Store, type S3Store } from '../../src/objects/s3.ts'
import { startEmbeddedS3, type TestS3 } from '../support/s3-server.ts'

const LIFE = 300
const WINDOW = 300
const BACKDATE = 30

let s3: TestS3
let store: S3Store
beforeAll(async () => {
  s3 = await startEmbeddedS3()
  store = openS3Store({ ...s3, forcePathStyle: true, bucket: 'originals' })
  await store.ensureBucket()
  const sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
  const { Readable } = await import('node:stream')
  await store.put({
    key: 't/demo/o/ba/abc',
    body: () => Readable.from([Buffer.from('abc')]),
    bytes: 3,
    sha256,
    mediaType: 'text/plain',
  })
})
afterAll(async () => {
  store.close()
  await s3.close()
})

/** A clock at the start of a window, and a presigner that goes by it. */
const scene = (at = Math.floor(Date.now() / 1000 / WINDOW) * WINDOW * 1000) => {
  let now = at
  const clock = { now: () => now }
  return {
    start: at,
    advance: (ms: number) => {
      now += ms
    },
    now: () => now,
    presign: openPresigner({ clock, lifeSeconds: LIFE, windowSeconds: WINDOW }),
  }
}
const object = { key: 't/demo/o/ba/abc', mediaType: 'text/plain' }

describe('a window', () => {
  test('has one URL for everybody', async () => {
    const { presign, advance } = scene()
    const first = await presign(store, object)
    for (let i = 0; i < 10; i++) {
      advance((WINDOW * 1000) / 10 - 1)
      expect(await presign(store, object)).toEqual(first)
    }
    advance(10)
    expect((await presign(store, object)).url).not.toBe(first.url)
  })

  test('is the same in every process', async () => {
    const [one, other] = [scene(), scene()]
    other.advance(WINDOW * 1000 - 1)
    expect(await other.presign(store, object)).toEqual(await one.presign(store, object))
  })

  test('tells objects and names of downloads apart', async () => {
    const { presign } = scene()
    const urls = await Promise.all(
      [
        object,
        { ...object, key: 't/demo/o/ba/abd' },
        { ...object, disposition: 'attachment; filename="a"' },
        { ...object, disposition: 'attachment; filename="b"' },
      ].map(async one => (await presign(store, one)).url),
    )
    expect(new Set(urls).size).toBe(4)
  })
})

describe('a life', () => {
  test('is at least what was asked for, and at most one window longer', async () => {
    const { presign, advance, now } = scene()
    for (let i = 0; i < 100; i++) {
      const { expiresAt } = await presign(store, object)
      const left = (expiresAt - now()) / 1000
      expect(left).toBeGreaterThan(LIFE)
      expect(left).toBeLessThanOrEqual(LIFE + WINDOW)
      advance(7_919)
    }
  })

  test('is what the URL itself says', async () => {
    const { presign, start } = scene()
    const { url, expiresAt } = await presign(store, object)
    const query = new URL(url).searchParams
    expect(query.get('X-Amz-Expires')).toBe(String(BACKDATE + WINDOW + LIFE))
    const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get('X-Amz-Date') ?? '') ?? []
    const signedAt = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s))
    expect(signedAt).toBe(start - BACKDATE * 1000)
    expect(signedAt + Number(query.get('X-Amz-Expires')) * 1000).toBe(expiresAt)
  })

  test('is kept by the store', async () => {
    const { presign, advance } = scene()
    const { url } = await presign(store, object)
    expect(await (await fetch(url)).text()).toBe('abc')
    // Windows that are over: the last of them has just run out.
    advance(-(WINDOW + LIFE + BACKDATE + WINDOW) * 1000)
    expect((await fetch((await presign(store, object)).url)).status).toBe(403)
  })

  test('covers a store whose clock is slow by half a minute', async () => {
    const { presign, now } = scene()
    const query = new URL((await presign(store, object)).url).searchParams
    expect(query.get('X-Amz-Date')?.slice(0, 15) ?? '').toBe(
      new Date(now() - BACKDATE * 1000).toISOString().replace(/[-:]|\.\d+Z$/g, ''),
    )
  })
})

describe('what allows a URL', () => {
  test('ends it, where it ends before the window would', async () => {
    const { presign, start, now, advance } = scene()
    const usual = await presign(store, object)
    advance(1_234)
    const notAfter = start + 40_900
    const short = await presign(store, { ...object, notAfter })
    expect(short.expiresAt).toBe(start + 40_000)
    const query = new URL(short.url).searchParams
    expect(query.get('X-Amz-Expires')).toBe(String(BACKDATE + 40))
    expect(query.get('X-Amz-Date')).toBe(new URL(usual.url).searchParams.get('X-Amz-Date'))
    // Shared to the second, and no other's.
    expect(await presign(store, { ...object, notAfter: start + 40_001 })).toBe(short)
    expect((await presign(store, { ...object, notAfter: start + 41_000 })).url).not.toBe(short.url)
    expect(await presign(store, object)).toBe(usual)
    expect(now()).toBeLessThan(short.expiresAt)
  })

  test('changes nothing where it ends later, to the millisecond', async () => {
    const { presign } = scene()
    const usual = await presign(store, object)
    expect(await presign(store, { ...object, notAfter: usual.expiresAt })).toBe(usual)
    expect((await presign(store, { ...object, notAfter: usual.expiresAt - 1 })).expiresAt).toBe(usual.expiresAt - 1_000)
  })

  test('is enforced by the store', async () => {
    const { presign, start } = scene(Math.floor(Date.now() / 1000 / WINDOW) * WINDOW * 1000 - 10 * WINDOW * 1000)
    const { url } = await presign(store, { ...object, notAfter: start + 5_000 })
    expect((await fetch(url)).status).toBe(403)
  })

  test('leaves nothing to sign in its last second', () => {
    const { presign, start, advance } = scene()
    advance(5_000)
    for (const notAfter of [start, start + 5_000, start + 5_999])
      expect(() => presign(store, { ...object, notAfter })).toThrowError(expect.objectContaining({ code: 'not-found' }))
  })
})

test('a URL that was changed is refused by the store', async () => {
  const { presign } = scene()
  const url = new URL((await presign(store, { ...object, disposition: 'attachment; filename="a"' })).url)
  expect((await fetch(url)).status).toBe(200)
  const changes: readonly ((url: URL) => void)[] = [
    changed => changed.searchParams.set('response-content-disposition', 'inline'),
    changed => changed.searchParams.delete('response-content-disposition'),
    changed => changed.searchParams.set('X-Amz-Expires', '3600'),
    changed => changed.searchParams.set('response-content-type', 'text/html'),
    changed => {
      changed.pathname = changed.pathname.replace(/abc$/, 'abd')
    },
    changed => changed.searchParams.set('X-Amz-Signature', '0'.repeat(64)),
    changed => changed.searchParams.delete('X-Amz-Signature'),
  ]
  for (const change of changes) {
    const changed = new URL(url)
    change(changed)
    expect((await fetch(changed)).status, changed.search).toBeGreaterThanOrEqual(400)
  }
})
