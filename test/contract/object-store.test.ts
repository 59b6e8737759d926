import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { probeStore } from '../../src/objects/probe.ts'
import { openS3Store, type S3Store } from '../../src/objects/s3.ts'
import type { S3StoreOptions } from '../../src/objects/s3-client.ts'
import type { PutRequest } from '../../src/objects/store.ts'
import { findRgw, startRgw } from '../support/rgw.ts'
import { type FaultProxy, startFaultProxy } from '../support/s3-fault-proxy.ts'
import { startEmbeddedS3, type TestS3 } from '../support/s3-server.ts'

const sha256 = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex')

const freshKey = (): string => `t/acme/o/${randomUUID()}`

const object = (key: string, body: Uint8Array): PutRequest => ({
  key,
  body,
  bytes: body.byteLength,
  sha256: sha256(body),
  mediaType: 'image/jpeg',
})

const flip = (text: string, at: number): string =>
  text.slice(0, at) + (text[at] === '0' ? '1' : '0') + text.slice(at + 1)

const objectStoreContract = (name: string, start: () => Promise<TestS3>): void => {
  describe(name, () => {
    let server: TestS3
    let proxy: FaultProxy
    let store: S3Store
    const opened: S3Store[] = []

    const open = (options: Partial<S3StoreOptions> = {}): S3Store => {
      const { endpoint, region, accessKeyId, secretAccessKey } = server
      const bucket = 'contract'
      const made = openS3Store({
        endpoint,
        region,
        accessKeyId,
        secretAccessKey,
        bucket,
        forcePathStyle: true,
        ...options,
      })
      opened.push(made)
      return made
    }
    const throughProxy = (options: Partial<S3StoreOptions> = {}) => open({ endpoint: proxy.endpoint, ...options })

    beforeAll(async () => {
      server = await start()
      proxy = await startFaultProxy(server.endpoint)
      store = open()
      await store.ensureBucket()
    }, 240_000)
    afterAll(async () => {
      for (const one of opened) one.close()
      await proxy?.close()
      await server?.close()
    })

    it('creates a bucket once', async () => {
      const other = open({ bucket: `fresh-${randomUUID()}` })
      expect(await other.ensureBucket()).toBe('created')
      expect(await other.ensureBucket()).toBe('exists')
    })

    it('enforces what the system rests on', async () => {
      const { clockSkewMs, ...enforced } = await probeStore(store)
      expect(enforced).toEqual({
        conditionalPut: true,
        contentDigestChecked: true,
        presignedServed: true,
        signatureChecked: true,
      })
      expect(Math.abs(clockSkewMs ?? Number.NaN)).toBeLessThan(2_500)
      expect(await keysUnder('probe/')).toEqual([])
    })

    it('creates an object and gives its bytes, size and type back', async () => {
      const body = randomBytes(300_000)
      const key = freshKey()
      expect(await store.put(object(key, body))).toBe('created')
      expect((await buffer(await store.get({ key }))).equals(body)).toBe(true)
      const stat = await store.stat(key)
      expect(stat).toMatchObject({ bytes: body.length, mediaType: 'image/jpeg' })
      expect(Math.abs(Date.now() - (stat?.storedAt.getTime() ?? 0))).toBeLessThan(60_000)
    })

    it('keeps an empty object', async () => {
      const key = freshKey()
      expect(await store.put(object(key, Buffer.alloc(0)))).toBe('created')
      expect((await buffer(await store.get({ key }))).length).toBe(0)
      expect((await store.stat(key))?.bytes).toBe(0)
    })

    it('sends a stream of many parts without holding it', async () => {
      const chunk = randomBytes(256 * 1024)
      const chunks = 64
      const hash = createHash('sha256')
      for (let n = 0; n < chunks; n++) hash.update(chunk)
      const request = {
        ...object(freshKey(), Buffer.alloc(0)),
        body: () => Readable.from(Array.from({ length: chunks }, () => chunk)),
        bytes: chunk.length * chunks,
        sha256: hash.digest('hex'),
      }
      expect(await store.put(request)).toBe('created')
      expect(sha256(await buffer(await store.get({ key: request.key })))).toBe(request.sha256)
      expect(await store.put(request)).toBe('exists')
    })

    it('never changes an object: a second put finds it', async () => {
      const key = freshKey()
      const body = Buffer.from('first')
      await store.put(object(key, body))
      const before = await store.stat(key)
      expect(await store.put(object(key, Buffer.from('other')))).toBe('exists')
      await expect(store.put(object(key, Buffer.from('longer')))).rejects.toMatchObject({ code: 'conflict' })
      expect(await text(await store.get({ key }))).toBe('first')
      expect(await store.stat(key)).toEqual(before)
    })

    it('lets one of twenty racing puts create', async () => {
      const key = freshKey()
      const bodies = Array.from({ length: 20 }, () => randomBytes(10_000))
      const answers = await Promise.all(bodies.map(body => store.put(object(key, body))))
      expect(answers.filter(answer => answer === 'created')).toHaveLength(1)
      expect(answers.filter(answer => answer === 'exists')).toHaveLength(19)
      const winner = bodies[answers.indexOf('created')]
      expect((await buffer(await store.get({ key }))).equals(winner ?? Buffer.alloc(0))).toBe(true)
    })

    it.each([100, 200_000, 3_000_000])('refuses %d bytes of another digest and keeps nothing', async bytes => {
      const key = freshKey()
      const request = { ...object(key, randomBytes(bytes)), sha256: sha256(Buffer.from('announced')) }
      await expect(store.put(request)).rejects.toMatchObject({ code: 'content-mismatch' })
      expect(await store.stat(key)).toBeUndefined()
    })

    it.each([
      ['shorter', 9],
      ['longer', 11],
    ])('refuses a stream that is %s than announced and keeps nothing', async (_, sent) => {
      const key = freshKey()
      const body = Buffer.alloc(sent, 1)
      const request = { ...object(key, body), body: () => Readable.from([body]), bytes: 10 }
      await expect(store.put(request)).rejects.toMatchObject({ code: 'content-mismatch' })
      expect(await store.stat(key)).toBeUndefined()
    })

    it('gives the failure of a body back as it is, asks for it once, and keeps nothing', async () => {
      const key = freshKey()
      let opens = 0
      const broken = async function* () {
        opens++
        yield randomBytes(100_000)
        throw Object.assign(new Error('the source is gone'), { code: 'ECONNRESET' })
      }
      const request = { ...object(key, randomBytes(200_000)), body: () => Readable.from(broken()) }
      await expect(store.put(request)).rejects.toThrow('the source is gone')
      expect(opens).toBe(1)
      expect(await store.stat(key)).toBeUndefined()
    })

    it('gives a range', async () => {
      const key = freshKey()
      await store.put(object(key, Buffer.from('0123456789')))
      expect(await text(await store.get({ key, range: { first: 2, last: 4 } }))).toBe('234')
      expect(await text(await store.get({ key, range: { first: 8, last: 99 } }))).toBe('89')
      await expect(store.get({ key, range: { first: 10, last: 12 } })).rejects.toMatchObject({
        code: 'invalid-request',
      })
    })

    it('tells a missing object from a missing bucket', async () => {
      const key = freshKey()
      expect(await store.stat(key)).toBeUndefined()
      await expect(store.get({ key })).rejects.toMatchObject({ code: 'not-found' })
      const nowhere = open({ bucket: `gone-${randomUUID()}` })
      await expect(nowhere.stat(key)).rejects.toMatchObject({ code: 'storage-unavailable' })
      await expect(nowhere.get({ key })).rejects.toMatchObject({ code: 'storage-unavailable' })
      await expect(nowhere.put(object(key, Buffer.from('x')))).rejects.toMatchObject({ code: 'storage-unavailable' })
    })

    it('deletes, also what is not there', async () => {
      const key = freshKey()
      await store.put(object(key, Buffer.from('x')))
      await store.delete(key)
      await store.delete(key)
      expect(await store.stat(key)).toBeUndefined()
      expect(await store.put(object(key, Buffer.from('y')))).toBe('created')
    })

    const keysUnder = async (prefix: string): Promise<string[]> => {
      const keys: string[] = []
      for await (const { key } of store.list(prefix)) keys.push(key)
      return keys
    }

    it('lists more than a page of keys in order, under a prefix only', async () => {
      const prefix = `list-${randomUUID()}/`
      const keys = Array.from({ length: 1_005 }, (_, n) => `${prefix}${n % 7}/${n % 3 === 0 ? 'a-' : 'a/'}${n}`)
      const left = [...keys, `${prefix.slice(0, -1)}-beside`]
      const work = async () => {
        for (let key = left.pop(); key !== undefined; key = left.pop()) await store.put(object(key, Buffer.from('xy')))
      }
      await Promise.all(Array.from({ length: 16 }, work))
      const found: { key: string; bytes: number }[] = []
      for await (const one of store.list(prefix)) found.push(one)
      expect(found.map(({ key }) => key)).toEqual([...keys].sort())
      expect(new Set(found.map(({ bytes }) => bytes))).toEqual(new Set([2]))
      expect(await keysUnder(`${prefix}3/a-`)).toEqual(keys.filter(key => key.startsWith(`${prefix}3/a-`)).sort())
      for (const { key } of found.slice(0, 3)) await store.delete(key)
      expect((await keysUnder(prefix)).length).toBe(1_002)
    })

    describe('presigned URLs', () => {
      const key = 'odd/ü é+a (x)=&%20.jpg'
      const request = { key, signedAt: new Date(Date.now() - 5_000), expiresInSeconds: 300 }
      beforeAll(async () => {
        await store.put(object(key, Buffer.from('0123456789')))
      })

      it('work without credentials, whole and by range', async () => {
        const url = await store.presign(request)
        const whole = await fetch(url)
        expect([whole.status, await whole.text()]).toEqual([200, '0123456789'])
        expect(whole.headers.get('content-type')).toBe('image/jpeg')
        const part = await fetch(url, { headers: { range: 'bytes=2-4' } })
        expect([part.status, await part.text()]).toEqual([206, '234'])
      })

      it('are equal for equal requests, and differ with any part', async () => {
        const same = await Promise.all([store.presign(request), store.presign({ ...request }), open().presign(request)])
        expect(new Set(same).size).toBe(1)
        const others = [
          { ...request, key: 'odd/other' },
          { ...request, expiresInSeconds: 301 },
          { ...request, signedAt: new Date(request.signedAt.getTime() + 1_000) },
          { ...request, mediaType: 'image/webp' },
        ]
        const urls = await Promise.all(others.map(other => store.presign(other)))
        expect(new Set([...urls, ...same]).size).toBe(5)
      })

      it('override headers of the answer, and are bound to them', async () => {
        const disposition = `attachment; filename="a b.webp"; filename*=UTF-8''%C3%BC.webp`
        const overrides = { mediaType: 'image/webp', disposition, cacheControl: 'private, max-age=5' }
        const url = await store.presign({ ...request, ...overrides })
        const { headers } = await fetch(url)
        expect(headers.get('content-type')).toBe('image/webp')
        expect(headers.get('content-disposition')).toBe(disposition)
        expect(headers.get('cache-control')).toBe('private, max-age=5')
        expect((await fetch(url.replace('image%2Fwebp', 'text%2Fhtml'))).status).toBe(403)
      })

      it('are refused tampered with, expired, for another key or method, and bare', async () => {
        const url = await store.presign(request)
        const at = url.indexOf('X-Amz-Signature=') + 'X-Amz-Signature='.length
        const expired = await store.presign({
          ...request,
          signedAt: new Date(Date.now() - 60_000),
          expiresInSeconds: 5,
        })
        const refused: [string, RequestInit?][] = [
          [flip(url, at)],
          [flip(url, url.length - 1)],
          [url.replace('X-Amz-Expires=300', 'X-Amz-Expires=3000')],
          [url.replace('.jpg', '.png')],
          [expired],
          [url.slice(0, url.indexOf('?'))],
          [url, { method: 'PUT', body: 'x' }],
          [url, { method: 'DELETE' }],
        ]
        const statuses = await Promise.all(refused.map(async ([to, init]) => (await fetch(to, init)).status))
        expect(statuses).toEqual(refused.map(() => 403))
        expect((await store.stat(key))?.bytes).toBe(10)
      })

      it('point at the public endpoint where there is one', async () => {
        const other = open({ endpoint: 'http://store.internal:9000', publicEndpoint: server.endpoint })
        expect(await other.presign(request)).toBe(await store.presign(request))
      })
    })

    describe('under faults', () => {
      it.each([10, 3_000_000])('a put of %d bytes whose reply was lost is a success', async bytes => {
        const far = throughProxy()
        const key = freshKey()
        const body = randomBytes(bytes)
        let opens = 0
        const stream = () => {
          opens++
          return Readable.from([body])
        }
        proxy.fail('PUT', 'drop-reply', 1)
        expect(await far.put({ ...object(key, body), body: stream })).toBe('exists')
        expect(proxy.seen()).toEqual(['PUT', 'PUT', 'HEAD'])
        expect(opens).toBe(2)
        expect((await buffer(await store.get({ key }))).equals(body)).toBe(true)
      })

      it('a silent store fails within the limit, and is not asked again', async () => {
        const far = throughProxy({ requestTimeoutMs: 300, socketTimeoutMs: 300 })
        const within = async (method: string, work: () => Promise<unknown>) => {
          proxy.fail(method, 'silent')
          const startedAt = performance.now()
          await expect(work()).rejects.toMatchObject({ code: 'dependency-timeout' })
          expect(performance.now() - startedAt).toBeLessThan(1_500)
          expect(proxy.seen()).toEqual([method])
        }
        await within('HEAD', () => far.stat(freshKey()))
        await within('GET', () => far.get({ key: freshKey() }))
        await within('DELETE', () => far.delete(freshKey()))
        await within('PUT', () => far.put(object(freshKey(), Buffer.from('x'))))
        await within('PUT', () => far.put(object(freshKey(), randomBytes(100_000))))
      })

      it('a slow put that makes progress is not a silent store', async () => {
        const far = throughProxy({ requestTimeoutMs: 200, socketTimeoutMs: 400 })
        const body = randomBytes(1_000_000)
        const slowly = async function* () {
          for (let at = 0; at < body.length; at += 100_000) {
            await delay(100)
            yield body.subarray(at, at + 100_000)
          }
        }
        proxy.fail('none', 'silent')
        const startedAt = performance.now()
        expect(await far.put({ ...object(freshKey(), body), body: () => Readable.from(slowly()) })).toBe('created')
        expect(performance.now() - startedAt).toBeGreaterThan(900)
      })

      it('a body that is slow to come is not a silent store', async () => {
        const near = open({ socketTimeoutMs: 100 })
        const body = randomBytes(200_000)
        const haltingly = async function* () {
          yield body.subarray(0, 100_000)
          await delay(500)
          yield body.subarray(100_000)
        }
        const request = { ...object(freshKey(), body), body: () => Readable.from(haltingly()) }
        expect(await near.put(request)).toBe('created')
      })

      it('503 is storage-unavailable after three tries; a blip goes unnoticed', async () => {
        const far = throughProxy()
        const key = freshKey()
        proxy.fail('PUT', 'unavailable')
        const request = object(key, randomBytes(100_000))
        await expect(far.put(request)).rejects.toMatchObject({ code: 'storage-unavailable' })
        expect(proxy.seen()).toEqual(['PUT', 'PUT', 'PUT'])
        proxy.fail('PUT', 'unavailable', 2)
        expect(await far.put(request)).toBe('created')
        proxy.fail('GET', 'unavailable', 2)
        expect((await buffer(await far.get({ key }))).length).toBe(100_000)
      })

      it('a long outage costs the store at most 1.3 requests for one of ours', async () => {
        const far = throughProxy()
        proxy.fail('DELETE', 'unavailable')
        const calls = 400
        const work = Array.from({ length: calls }, () => far.delete(freshKey()).catch(() => undefined))
        await Promise.all(work)
        expect(proxy.seen().length).toBeGreaterThan(calls)
        expect(proxy.seen().length).toBeLessThanOrEqual(calls * 1.3)
      })

      it('an unreachable store is storage-unavailable', async () => {
        const gone = await startFaultProxy(server.endpoint)
        await gone.close()
        const far = open({ endpoint: gone.endpoint })
        await expect(far.stat(freshKey())).rejects.toMatchObject({ code: 'storage-unavailable' })
      })

      it('wrong credentials are storage-unavailable, at once', async () => {
        const far = throughProxy({ secretAccessKey: 'wrong' })
        proxy.fail('none', 'silent')
        await expect(far.get({ key: freshKey() })).rejects.toMatchObject({ code: 'storage-unavailable' })
        expect(proxy.seen()).toEqual(['GET'])
      })

      it('a download that is cut or stalls is an error', async () => {
        const far = throughProxy({ socketTimeoutMs: 300 })
        const key = freshKey()
        await store.put(object(key, randomBytes(1_000_000)))
        proxy.fail('GET', 'truncate')
        const cut = await far.get({ key })
        await expect(buffer(cut)).rejects.toMatchObject({ code: 'storage-unavailable' })
        proxy.fail('GET', 'stall')
        const stalled = await far.get({ key })
        await expect(buffer(stalled)).rejects.toMatchObject({ code: 'dependency-timeout' })
      })

      it('a reader that pauses does not make the store a silent one', async () => {
        const far = open({ socketTimeoutMs: 100 })
        const key = freshKey()
        const body = randomBytes(8_000_000)
        await store.put(object(key, body))
        const stream = await far.get({ key })
        await delay(500)
        expect((await buffer(stream)).equals(body)).toBe(true)
      })

      it('ends with the reason of a caller who gives up', async () => {
        const far = throughProxy()
        const key = freshKey()
        await store.put(object(key, randomBytes(1_000_000)))
        const early = AbortSignal.abort(new Error('gave up early'))
        await expect(far.stat(key, early)).rejects.toThrow('gave up early')
        const giveUp = new AbortController()
        proxy.fail('GET', 'stall')
        const stream = await far.get({ key, signal: giveUp.signal })
        giveUp.abort(new Error('gave up in the middle'))
        await expect(buffer(stream)).rejects.toThrow('gave up in the middle')
        proxy.fail('PUT', 'silent')
        const put = far.put({ ...object(freshKey(), Buffer.from('x')), signal: AbortSignal.timeout(100) })
        await expect(put).rejects.toMatchObject({ name: 'TimeoutError' })
      })
    })
  })
}

objectStoreContract('object store on the embedded S3 server', startEmbeddedS3)

const noRgw = await findRgw()
if (noRgw === undefined) {
  objectStoreContract('object store on Ceph RGW', startRgw)
} else {
  console.warn(`object store on Ceph RGW: not run, ${noRgw}`)
  describe.skip(`object store on Ceph RGW (${noRgw})`, () => it('runs', () => undefined))
}
