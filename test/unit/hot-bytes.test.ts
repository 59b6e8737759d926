import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { beforeEach, describe, expect, test } from 'vitest'
import { type HotObject, type HotTally, openHotBytes } from '../../src/deliver/hot-bytes.ts'
import { sha256Hex } from '../../src/lib/canonical.ts'
import { MatrixError } from '../../src/model/errors.ts'
import type { ObjectStore } from '../../src/objects/store.ts'

const LIMIT = 128 * 1024
const KEPT_MS = 60_000

let now: number
let tally: HotTally
/** Each get takes the next of these, then what the key says. */
let faults: (() => Readable)[]
let gets: string[]

const bodyOf = (key: string, bytes = 1000): Buffer => Buffer.alloc(bytes, key)
const objectOf = (key: string, bytes = 1000): HotObject => ({
  objectKey: `${key}/${bytes}`,
  sha256: sha256Hex(bodyOf(key, bytes)),
  bytes,
})
const get: ObjectStore['get'] = async ({ key: objectKey }) => {
  gets.push(objectKey)
  const [key = '', bytes] = objectKey.split('/')
  return faults.shift()?.() ?? Readable.from([bodyOf(key, Number(bytes))])
}
const open = (hotBytes = LIMIT, derivatives: Pick<ObjectStore, 'get'> = { get }) =>
  openHotBytes({
    derivatives,
    clock: { now: () => now },
    config: { hotBytes, presignSeconds: KEPT_MS / 1000 },
    metrics: { hot: tally },
  })

beforeEach(() => {
  now = 1_000_000
  tally = { hit: 0, miss: 0, joined: 0, streamed: 0, bytes: 0 }
  faults = []
  gets = []
})

test('a thousand readers of one derivative are one read', async () => {
  const hot = open()
  const read = await Promise.all(Array.from({ length: 1000 }, () => hot.read(objectOf('a'))))
  expect(read.every(bytes => bytes?.equals(bodyOf('a')))).toBe(true)
  expect(await hot.read(objectOf('a'))).toBe(read[0])
  expect(hot.find('a/1000')).toBe(read[0])
  expect(gets).toEqual(['a/1000'])
  expect(tally).toMatchObject({ miss: 1, joined: 999, hit: 2 })
})

test('what is larger than a 128th of all is not held', () => {
  const hot = open()
  expect(hot.read(objectOf('a', 1025))).toBeUndefined()
  expect(hot.read(objectOf('a', 1024))).toBeDefined()
})

test('without a limit nothing is', () => {
  expect(open(0).read(objectOf('a', 1))).toBeUndefined()
  expect(open(0).find('a/1')).toBeUndefined()
})

test('the longest unused one goes first, and no more is held than may be', async () => {
  const hot = open()
  const names = Array.from({ length: 200 }, (_, i) => `n${i}`)
  for (const name of names) {
    await hot.read(objectOf(name))
    expect(hot.find('n0/1000')).toBeDefined()
    expect(tally.bytes).toBeLessThanOrEqual(LIMIT)
  }
  expect(hot.find('n199/1000')).toBeDefined()
  expect(hot.find('n1/1000')).toBeUndefined()
  expect(tally.bytes).toBeGreaterThan(LIMIT / 2)
})

test('what is being read at a time is bounded: others are left to a stream', async () => {
  const hot = open()
  faults = Array.from({ length: 32 }, () => () => new PassThrough())
  const names = Array.from({ length: 32 }, (_, i) => `n${i}`)
  for (const name of names) expect(hot.read(objectOf(name, 1024))).toBeDefined()
  expect(hot.read(objectOf('more'))).toBeUndefined()
  expect(tally).toMatchObject({ miss: 32, streamed: 1 })
  expect(hot.read(objectOf('n3', 1024))).toBeDefined() // joins
})

describe('a read that fails', () => {
  const broken = () =>
    new Readable({
      read() {
        this.destroy(new MatrixError('storage-unavailable', 'broken off'))
      },
    })
  const wrong = () => Readable.from([bodyOf('b')])
  const short = () => Readable.from([bodyOf('a', 999)])

  test.each([
    ['breaks off', broken],
    ['gives other bytes', wrong],
    ['gives too few', short],
  ])('because S3 %s is tried once more', async (_what, fault) => {
    const hot = open()
    faults = [fault]
    expect((await hot.read(objectOf('a')))?.equals(bodyOf('a'))).toBe(true)
    faults = [fault, fault]
    await expect(hot.read(objectOf('c'))).rejects.toMatchObject({ code: 'storage-unavailable' })
    expect(hot.find('c/1000')).toBeUndefined()
    expect((await hot.read(objectOf('c')))?.equals(bodyOf('c'))).toBe(true)
  })

  test('because there is no such object is not', async () => {
    const missing: ObjectStore['get'] = async ({ key }) => {
      gets.push(key)
      throw new MatrixError('not-found', 'none')
    }
    const hot = open(LIMIT, { get: missing })
    await expect(hot.read(objectOf('a'))).rejects.toMatchObject({ code: 'not-found' })
    expect(gets).toHaveLength(1)
  })

  test('leaves no stream open', async () => {
    const hot = open()
    const source = new PassThrough()
    faults = [() => source, () => source]
    const reading = hot.read(objectOf('a'))
    source.end(bodyOf('b', 4000))
    await Promise.all([once(source, 'close'), expect(reading).rejects.toThrow()])
  })
})

test('memory forgets: after its time a derivative is read anew, and gone without being asked for', async () => {
  const hot = open()
  await hot.read(objectOf('a'))
  now += KEPT_MS
  expect(hot.find('a/1000')).toBeUndefined()
  await hot.read(objectOf('a'))
  await hot.read(objectOf('b'))
  expect(gets).toEqual(['a/1000', 'a/1000', 'b/1000'])
  expect(tally.bytes).toBeGreaterThan(2000)
  now += KEPT_MS
  hot.forgetOld()
  expect(tally.bytes).toBe(0)
})
