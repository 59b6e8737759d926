/** What a presigned request is held to, by each S3 that there is: T13 as far as the store itself can refuse. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MatrixError } from '../../src/model/errors.ts'
import { stagingKey } from '../../src/objects/keys.ts'
import { openS3Staging, type StagingStore } from '../../src/objects/s3-staging.ts'
import { findRgw, startRgw } from '../support/rgw.ts'
import { startEmbeddedS3, type TestS3 } from '../support/s3-server.ts'

const MIB = 1024 * 1024
const sha256 = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex')
const freshKey = (): string => stagingKey('acme', randomUUID())
const now = () => ({ signedAt: new Date(Date.now() - 30_000), expiresInSeconds: 300 })
/** Sends headers as they are, which `fetch` does not. A connection that the server ends without an answer has no status. */
const ask = (
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array = Buffer.alloc(0),
) =>
  new Promise<number | undefined>(done => {
    const sent = request(url, { method, headers: { ...headers, connection: 'close' }, timeout: 10_000 }, answer => {
      answer.resume()
      done(answer.statusCode)
    })
    for (const end of ['error', 'timeout', 'close'] as const) sent.on(end, () => done(undefined))
    sent.end(body)
  })
const put = (url: string, body: Buffer, headers: Readonly<Record<string, string>>) => ask('PUT', url, headers, body)

const without = (headers: Readonly<Record<string, string>>, name: string): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([one]) => one !== name))

const stagingContract = (name: string, start: () => Promise<TestS3>): void => {
  describe(name, () => {
    let server: TestS3
    let store: StagingStore

    beforeAll(async () => {
      server = await start()
      store = openS3Staging({ ...server, bucket: 'staging', forcePathStyle: true })
      await store.ensureBucket()
    }, 240_000)
    afterAll(async () => {
      store?.close()
      await server?.close()
    })
    const content = async (key: string): Promise<Buffer> => buffer(await store.get({ key }))
    const mediaType = 'image/jpeg'

    it('takes what was announced, also again', async () => {
      const [key, body] = [freshKey(), randomBytes(1000)]
      const { url, headers } = await store.signPut({ key, bytes: 1000, mediaType, sha256: sha256(body), ...now() })
      for (let n = 0; n < 2; n++) expect(await put(url, body, headers)).toBe(200)
      expect((await content(key)).equals(body)).toBe(true)
      expect(await store.stat(key)).toMatchObject({
        bytes: 1000,
        mediaType,
        etag: createHash('md5').update(body).digest('hex'),
      })
    })

    it('takes other bytes of the same length only where no digest was announced', async () => {
      const [key, other] = [freshKey(), randomBytes(1000)]
      const announced = { key, bytes: 1000, mediaType, ...now() }
      const bound = await store.signPut({ ...announced, sha256: sha256(randomBytes(1000)) })
      expect(await put(bound.url, other, bound.headers)).toBe(400)
      expect(await store.stat(key)).toBeUndefined()
      const free = await store.signPut(announced)
      expect(await put(free.url, other, free.headers)).toBe(200)
    })

    it('refuses another length, type, digest, key, method and time', async () => {
      const [key, body] = [freshKey(), randomBytes(1000)]
      const announced = { key, bytes: 1000, mediaType, sha256: sha256(body) }
      const { url, headers } = await store.signPut({ ...announced, ...now() })
      const longer = randomBytes(1001)
      const refused: Record<string, Promise<number | undefined>> = {
        longer: put(url, longer, { ...headers, 'content-length': '1001' }),
        shorter: put(url, body.subarray(1), { ...headers, 'content-length': '999' }),
        'of another type': put(url, body, { ...headers, 'content-type': 'image/png' }),
        'of no type': put(url, body, without(headers, 'content-type')),
        'of no digest': put(url, body, without(headers, 'x-amz-content-sha256')),
        'of another digest': put(url, longer, { ...headers, 'x-amz-content-sha256': sha256(longer) }),
        unsigned: put(url, body, { ...headers, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }),
        elsewhere: put(url.replace(key, freshKey()), body, headers),
        'another method': ask('DELETE', url, { ...headers, 'content-length': '0' }),
        'a read': ask('GET', url, {}),
        tampered: put(url.replace(/X-Amz-Expires=\d+/, 'X-Amz-Expires=86400'), body, headers),
        late: store
          .signPut({ ...announced, signedAt: new Date(Date.now() - 60_000), expiresInSeconds: 30 })
          .then(late => put(late.url, body, late.headers)),
      }
      for (const [what, status] of Object.entries(refused)) expect([400, 403], what).toContain(await status)
      expect(await store.stat(key)).toBeUndefined()
    })

    it('makes one object of parts, and forgets what is dropped', async () => {
      const key = freshKey()
      const body = randomBytes(6 * MIB)
      const [first, last] = [body.subarray(0, 5 * MIB), body.subarray(5 * MIB)]
      const of = await store.beginParts({ key, mediaType })
      expect(await store.listParts(of)).toEqual([])
      const send = async (number: number, part: Buffer) => {
        const { url, headers } = await store.signPart({ ...of, number, bytes: part.length, ...now() })
        return put(url, part, headers)
      }
      expect(await send(2, last)).toBe(200)
      await expect(store.joinParts(of, [{ number: 1, etag: '"0"' }], body.length)).rejects.toMatchObject({
        code: 'upload-incomplete',
      })
      expect(await send(1, first)).toBe(200)
      const { url, headers } = await store.signPart({ ...of, number: 2, bytes: last.length, ...now() })
      // Five megabytes that nobody wants: the connection may end before they were sent.
      const longer = await put(url, first, { ...headers, 'content-length': String(first.length) })
      expect([400, 403, undefined]).toContain(longer)

      const parts = (await store.listParts(of)) ?? []
      expect(parts.map(({ number, bytes }) => [number, bytes])).toEqual([
        [1, first.length],
        [2, last.length],
      ])
      expect(await sessionsOf(key)).toEqual([of])
      await store.joinParts(of, parts, body.length)
      expect((await content(key)).equals(body)).toBe(true)
      expect(await store.listParts(of)).toBeUndefined()

      const other = await store.beginParts({ key: freshKey(), mediaType: undefined })
      await store.dropParts(other)
      await store.dropParts(other)
      expect(await store.listParts(other)).toBeUndefined()
      // RGW says 500 where others say NoSuchUpload.
      await expect(store.joinParts(other, parts, 1)).rejects.toBeInstanceOf(MatrixError)
      expect(await sessionsOf('')).toEqual([])
    })

    const sessionsOf = async (prefix: string) => {
      const found = []
      for await (const one of store.sessions()) if (one.key.startsWith(prefix)) found.push(one)
      return found
    }
  })
}

stagingContract('the embedded S3', startEmbeddedS3)

const whyNoRgw = await findRgw()
if (whyNoRgw === undefined) stagingContract('Ceph RGW', startRgw)
else describe.skip(`Ceph RGW (${whyNoRgw})`, () => it('runs', () => undefined))
